/* SPDX-License-Identifier: MIT */
/*
 * flame_page.S - flame.html, taken in as it is
 *
 * Context  ANY: constant
 */
	.section .rodata.cp_flame_page, "a", %progbits
	.globl cp_flame_page
	.hidden cp_flame_page
	.type cp_flame_page, %object
cp_flame_page:
	.incbin "agent/output/flame.html"
1:
	.size cp_flame_page, 1b - cp_flame_page
	.balign 8
	.globl cp_flame_page_size
	.hidden cp_flame_page_size
	.type cp_flame_page_size, %object
	.size cp_flame_page_size, 8
cp_flame_page_size:
	.quad 1b - cp_flame_page
	.section .note.GNU-stack, "", %progbits
