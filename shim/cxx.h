/* SPDX-License-Identifier: MIT */
/*
 * cxx.h - choosing what stands behind operator new and delete
 *
 * Context  EARLY: once, by whoever resolves the table.
 */
#ifndef CP_SHIM_CXX_H
#define CP_SHIM_CXX_H

#include "table.h"

/* next holds what the dynamic linker finds after us (NULL: nothing), and is
 * changed to what cp_real is to hold. malloc and its family are in place. as_is: what
 * was found is not called, and stays. outer: the host's malloc stands before us. */
void cp_shim_cxx_choose(void **next, bool as_is, bool outer);

#endif
