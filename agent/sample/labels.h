/* SPDX-License-Identifier: MIT */
/*
 * labels.h - interned label sets: what a sample says beside its stack
 *
 * Context  HOST, SIGNAL: cp_label_intern      CONTROL: cp_label_get
 * Shared   sets (written before they are published, never changed after), in
 *          memory a forked child finds zeroed, which is an empty table.
 * Holds    A set is a text of pairs, key NUL value NUL key NUL value NUL, its keys in
 *          ascending order and none twice: equal sets are equal texts. A sample carries
 *          the set's number only, so any more labels cost it nothing.
 * Fails    More than CP_LABEL_MAX sets, or one too long: CP_LABEL_OTHER, whose
 *          every value is `other`.
 */
#ifndef CP_SAMPLE_LABELS_H
#define CP_SAMPLE_LABELS_H

#include "../rt/base.h"

#define CP_LABEL_NONE  0U
#define CP_LABEL_OTHER 1U
#define CP_LABEL_MAX   1024U
#define CP_LABEL_BYTES 240U /* of one set's text */

struct cp_label_set {
	uint32_t hash;
	uint16_t len;
	char text[CP_LABEL_BYTES];
};

/* [EARLY] 0 or -errno. */
int cp_label_init(void);
/* The number of a set; CP_LABEL_NONE for an empty one. */
uint16_t cp_label_intern(const char *text, size_t len);
/* The set that holds one pair: thread = name, of at most 15 bytes. */
uint16_t cp_label_of_thread(const char *name);
/* NULL for CP_LABEL_NONE, and for numbers that were never given. */
const struct cp_label_set *cp_label_get(uint16_t label);

#endif
