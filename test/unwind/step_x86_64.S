/* SPDX-License-Identifier: MIT */
/*
 * step_x86_64.S - sets and clears the trap flag
 *
 * Context  TEST: any.
 * Why      In assembler, so that the pushes have call-frame rules: the first
 *          instructions stepped are these.
 */
	.text
	.globl step_on
	.type step_on, @function
step_on:
	.cfi_startproc
	pushfq
	.cfi_adjust_cfa_offset 8
	orq $0x100, (%rsp)
	popfq
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	.size step_on, .-step_on

	.globl step_off
	.type step_off, @function
step_off:
	.cfi_startproc
	pushfq
	.cfi_adjust_cfa_offset 8
	andq $~0x100, (%rsp)
	popfq
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	.size step_off, .-step_off
	.section .note.GNU-stack,"",@progbits
