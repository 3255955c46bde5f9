/* SPDX-License-Identifier: MIT */
/*
 * preload.c - starts the comparison $UW_MODE asks for, in any program
 *
 * Context  TEST: the constructor of a test-only LD_PRELOAD library.
 * Fails    What can't be set up leaves no result file, and the test sees that.
 */
#include "modes.h"

#include <stdlib.h>
#include <string.h>

__attribute__((constructor)) static void start(void)
{
	const char *mode = getenv("UW_MODE");
	struct record *record;

	if (mode == NULL || !both_init())
		return;
	if (strcmp(mode, "rules") == 0)
		rules_run();
	record = getenv("UW_OUT") ? record_open() : NULL;
	if (record == NULL)
		return;
	if (strcmp(mode, "sample") == 0)
		sample_init(record);
	else
		step_init(record, strcmp(mode, "step-all") == 0);
}
