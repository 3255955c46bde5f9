/* SPDX-License-Identifier: MIT */
/*
 * versions_aarch64.S - functions that libc has under several versions
 *
 * Context  as their targets in C: each is a jump there.
 * Why      A name with a version needs .symver. glibc 2.34 moved pthread_create
 *          into libc under a new version; callers of both are met, also those
 *          that ask for one by name.
 */
	.text

	.macro versioned name, version, target
	.globl \target\()_\@
	.type \target\()_\@, %function
	.balign 16
\target\()_\@:
	.cfi_startproc
	b \target
	.cfi_endproc
	.size \target\()_\@, . - \target\()_\@
	.symver \target\()_\@, \name\version, remove
	.endm

	versioned pthread_create, @@GLIBC_2.34, cp_shim_pthread_create
	versioned pthread_create, @GLIBC_2.17, cp_shim_pthread_create

	versioned pthread_cond_wait, @@GLIBC_2.17, cp_shim_pthread_cond_wait
	versioned pthread_cond_timedwait, @@GLIBC_2.17, cp_shim_pthread_cond_timedwait

	versioned pthread_cond_init, @@GLIBC_2.17, cp_shim_pthread_cond_init
	versioned pthread_cond_destroy, @@GLIBC_2.17, cp_shim_pthread_cond_destroy

	.section .note.GNU-stack, "", %progbits
