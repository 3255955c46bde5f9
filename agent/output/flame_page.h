/* SPDX-License-Identifier: MIT */
/*
 * flame_page.h - the page that draws a profile, flame.html, as it lies in the library
 *
 * Context  ANY: constant.
 */
#ifndef CP_OUTPUT_FLAME_PAGE_H
#define CP_OUTPUT_FLAME_PAGE_H

#include <stddef.h>

extern const char cp_flame_page[] __attribute__((visibility("hidden")));
extern const size_t cp_flame_page_size __attribute__((visibility("hidden")));

#endif
