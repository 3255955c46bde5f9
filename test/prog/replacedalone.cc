// SPDX-License-Identifier: MIT
// cflags: -std=c++17 -fsized-deallocation
// libs: -static-libstdc++ -rdynamic
/*
 * replacedalone.cc - the same without a libstdc++.so, which a library it loads brings along
 *
 * Context  TEST
 */
#include "replaced.cc"
