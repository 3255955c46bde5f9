/* SPDX-License-Identifier: MIT */
/*
 * hostile_x86_64.S - loops whose stack and frame pointer are rubbish
 *
 * Context  TEST: victims with an alternate signal stack: no signal could be
 *          delivered on theirs.
 */
	.text
	.globl hostile_spin
	.type hostile_spin, @function
hostile_spin:
	.cfi_startproc
	push %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	mov %rsp, %rcx
	.cfi_def_cfa %rbp, 16
	mov %rdi, %rsp
	mov %rsi, %rbp
1:	dec %rdx
	jnz 1b
	mov %rcx, %rsp
	.cfi_def_cfa %rsp, 16
	pop %rbp
	.cfi_def_cfa_offset 8
	.cfi_restore %rbp
	ret
	.cfi_endproc
	.size hostile_spin, .-hostile_spin

	.globl hostile_bare_spin
	.type hostile_bare_spin, @function
hostile_bare_spin:
	push %rbp
	mov %rsp, %rcx
	mov %rdi, %rsp
	mov %rsi, %rbp
1:	dec %rdx
	jnz 1b
	mov %rcx, %rsp
	pop %rbp
	ret
	.size hostile_bare_spin, .-hostile_bare_spin
	.section .note.GNU-stack,"",@progbits
