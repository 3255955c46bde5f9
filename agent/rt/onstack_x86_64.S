/* SPDX-License-Identifier: MIT */
/*
 * onstack_x86_64.S - calls a function on another stack, and leaves it from any depth
 *
 * Context  see onstack.h
 * Holds    *save points at the six callee-saved registers, the return address above.
 */
	.text
	.globl	cp_onstack_call
	.hidden	cp_onstack_call
	.type	cp_onstack_call, @function
cp_onstack_call:
	.cfi_startproc
	endbr64
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, (%rdi)
	mov	%rdi, %rbx
	mov	%rsi, %rsp
	mov	%rcx, %rdi
	call	*%rdx
	mov	%rbx, %rdi
	jmp	cp_onstack_leave
	.cfi_endproc
	.size	cp_onstack_call, . - cp_onstack_call

	.globl	cp_onstack_leave
	.hidden	cp_onstack_leave
	.type	cp_onstack_leave, @function
cp_onstack_leave:
	.cfi_startproc
	endbr64
	mov	(%rdi), %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
	.cfi_endproc
	.size	cp_onstack_leave, . - cp_onstack_leave
	.section .note.GNU-stack, "", @progbits
