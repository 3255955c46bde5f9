/* SPDX-License-Identifier: MIT */
/*
 * libempty.c - a library with nothing in it: what preloading itself costs
 */
extern int libempty;
int libempty = 1;
