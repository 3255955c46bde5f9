/* SPDX-License-Identifier: MIT */
/*
 * onstack_aarch64.S - calls a function on another stack, and leaves it from any depth
 *
 * Context  see onstack.h
 * Holds    *save points at x19-x30 and d8-d15, as the callee must preserve them.
 */
	.text
	.globl	cp_onstack_call
	.hidden	cp_onstack_call
	.type	cp_onstack_call, %function
cp_onstack_call:
	.cfi_startproc
	hint	34
	sub	sp, sp, #160
	stp	x19, x20, [sp]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mov	x9, sp
	str	x9, [x0]
	mov	x19, x0
	mov	sp, x1
	mov	x0, x3
	blr	x2
	mov	x0, x19
	b	cp_onstack_leave
	.cfi_endproc
	.size	cp_onstack_call, . - cp_onstack_call

	.globl	cp_onstack_leave
	.hidden	cp_onstack_leave
	.type	cp_onstack_leave, %function
cp_onstack_leave:
	.cfi_startproc
	hint	34
	ldr	x9, [x0]
	mov	sp, x9
	ldp	x19, x20, [sp]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	add	sp, sp, #160
	ret
	.cfi_endproc
	.size	cp_onstack_leave, . - cp_onstack_leave
	.section .note.GNU-stack, "", %progbits
