/* SPDX-License-Identifier: MIT */
/*
 * shown.h - text of a profile, as a terminal may have it
 *
 * Context  the cprof program.
 * Why      A profile may come from anyone, and a terminal obeys what it is shown:
 *          a name could write over what stands there, or have keys pressed.
 */
#ifndef CP_CLI_SHOWN_H
#define CP_CLI_SHOWN_H

/* s, with \xhh for each control character (also those of two bytes in UTF-8); s itself
 * when it has none. Lasts until eight more were asked for. */
const char *cp_shown(const char *s);

#endif
