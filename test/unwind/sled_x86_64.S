/* SPDX-License-Identifier: MIT */
/*
 * sled_x86_64.S - code addresses that carry a number
 *
 * Context  TEST: never executed, only returned to on paper.
 * Why      rules.c puts sled + 1 + i into slot i of a made-up stack: the frame a
 *          walker then reports tells from which slot it took the return address.
 *          A call's first byte everywhere: so each is an address a call returns to.
 *          The sled's own rule is the frame pointer's, so that one step more
 *          tells what became of rbp.
 */
	.text
	.globl rules_sled
	.type rules_sled, @function
	.skip 8, 0xe8
rules_sled:
	.cfi_startproc
	.cfi_def_cfa %rbp, 16
	.cfi_offset %rbp, -16
	.skip 0x20010, 0xe8
	.cfi_endproc
	.size rules_sled, .-rules_sled
	.section .note.GNU-stack,"",@progbits
