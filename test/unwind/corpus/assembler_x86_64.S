/* SPDX-License-Identifier: MIT */
/*
 * assembler_x86_64.S - call-frame rules as people write them by hand
 *
 * Context  TEST: a scene of the stepped corpus.
 */
	.text
	.globl scene_assembler
	.type scene_assembler, @function
scene_assembler:
	.cfi_startproc
	push %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	mov %rdi, %rbx
	call by_frame_pointer
	add %rax, %rbx
	call by_other_register
	add %rax, %rbx
	call by_expression
	add %rax, %rbx
	call two_ends
	add %rax, %rbx
	call saved_by_mov
	add %rbx, %rax
	pop %rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	ret
	.cfi_endproc
	.size scene_assembler, .-scene_assembler

	.type small, @function
small:
	.cfi_startproc
	mov $1, %eax
	ret
	.cfi_endproc

	.type by_frame_pointer, @function
by_frame_pointer:
	.cfi_startproc
	push %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	mov %rsp, %rbp
	.cfi_def_cfa_register %rbp
	sub $40, %rsp
	call small
	pushq $1
	pushq $2
	call small
	leave
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
	.cfi_endproc

	/* The frame address lies in a register the callee keeps. */
	.type by_other_register, @function
by_other_register:
	.cfi_startproc
	push %r12
	.cfi_def_cfa_offset 16
	.cfi_offset %r12, -16
	mov %rsp, %r12
	.cfi_def_cfa_register %r12
	sub $72, %rsp
	and $-64, %rsp
	mov $2, %eax
	mov %r12, %rsp
	.cfi_def_cfa_register %rsp
	pop %r12
	.cfi_def_cfa_offset 8
	.cfi_restore %r12
	ret
	.cfi_endproc

	/* The old stack pointer is kept in memory: CFA = *(rsp + 64) + 8, as in OpenSSL. */
	.type by_expression, @function
by_expression:
	.cfi_startproc
	mov %rsp, %rax
	.cfi_def_cfa_register %rax
	sub $88, %rsp
	and $-32, %rsp
	mov %rax, 64(%rsp)
	.cfi_escape 0x0f, 0x06, 0x77, 0xc0, 0x00, 0x06, 0x23, 0x08
	call small
	nop
	mov 64(%rsp), %rsi
	.cfi_def_cfa %rsi, 8
	mov $3, %eax
	mov %rsi, %rsp
	.cfi_def_cfa_register %rsp
	ret
	.cfi_endproc

	/* Two epilogues: the state is remembered and restored. */
	.type two_ends, @function
two_ends:
	.cfi_startproc
	push %rbp
	.cfi_def_cfa_offset 16
	.cfi_rel_offset %rbp, 0
	sub $16, %rsp
	.cfi_def_cfa_offset 32
	xor %ebp, %ebp
1:	call small
	test %ebp, %ebp
	jne 2f
	inc %ebp
	jmp 1b
	.cfi_remember_state
	add $16, %rsp
	.cfi_def_cfa_offset 16
	pop %rbp
	.cfi_def_cfa_offset 8
	.cfi_restore %rbp
	ret
2:	.cfi_restore_state
	mov $4, %eax
	add $16, %rsp
	.cfi_def_cfa_offset 16
	pop %rbp
	.cfi_def_cfa_offset 8
	.cfi_restore %rbp
	ret
	.cfi_endproc

	/* rbp saved by a mov, and used for something else meanwhile. */
	.type saved_by_mov, @function
saved_by_mov:
	.cfi_startproc
	sub $56, %rsp
	.cfi_adjust_cfa_offset 56
	mov %rbp, 16(%rsp)
	.cfi_rel_offset %rbp, 16
	mov $-1, %rbp
	call by_frame_pointer
	mov $0x1234, %ebp
	call small
	mov 16(%rsp), %rbp
	.cfi_restore %rbp
	add $56, %rsp
	.cfi_adjust_cfa_offset -56
	ret
	.cfi_endproc
	.section .note.GNU-stack,"",@progbits
