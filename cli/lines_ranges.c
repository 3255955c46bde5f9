/* SPDX-License-Identifier: MIT */
/*
 * lines_ranges.c - where an entry of DWARF has code
 *
 * Context  cprof-lines; one thread
 * Holds    Each range has low < high; a list that does not add up ends there.
 */
#include "lines_unit.h"

#include "lines_codes.h"

typedef void range_fn(void *ctx, uint64_t low, uint64_t high);

static void old_ranges(struct cp_dw *d, const struct cp_dw_unit *u, uint64_t offset,
		       range_fn *on_range, void *ctx)
{
	struct cp_leb b = cp_dw_at(d, CP_DW_RANGES, offset);
	uint64_t base = u->low;

	for (;;) {
		uint64_t low = cp_leb_fixed(&b, 8), high = cp_leb_fixed(&b, 8);

		if (b.bad || (!low && !high))
			return;
		if (low == UINT64_MAX)
			base = high;
		else if (low < high)
			on_range(ctx, base + low, base + high);
	}
}

static void new_ranges(struct cp_dw *d, const struct cp_dw_unit *u, uint64_t offset,
		       range_fn *on_range, void *ctx)
{
	struct cp_leb b = cp_dw_at(d, CP_DW_RNGLISTS, offset);
	uint64_t base = u->low, low = 0, high = 0;

	while (!b.bad) {
		uint64_t kind = cp_leb_fixed(&b, 1);

		low = high = 0;
		switch (kind) {
		case DW_RLE_end_of_list:
			return;
		case DW_RLE_base_addressx:
			base = cp_dw_address(d, u, cp_leb_u(&b));
			break;
		case DW_RLE_base_address:
			base = cp_leb_fixed(&b, 8);
			break;
		case DW_RLE_startx_endx:
			low = cp_dw_address(d, u, cp_leb_u(&b));
			high = cp_dw_address(d, u, cp_leb_u(&b));
			break;
		case DW_RLE_startx_length:
			low = cp_dw_address(d, u, cp_leb_u(&b));
			high = low + cp_leb_u(&b);
			break;
		case DW_RLE_offset_pair:
			low = base + cp_leb_u(&b);
			high = base + cp_leb_u(&b);
			break;
		case DW_RLE_start_end:
			low = cp_leb_fixed(&b, 8);
			high = cp_leb_fixed(&b, 8);
			break;
		case DW_RLE_start_length:
			low = cp_leb_fixed(&b, 8);
			high = low + cp_leb_u(&b);
			break;
		default:
			return;
		}
		if (low < high && !b.bad)
			on_range(ctx, low, high);
	}
}

void cp_dw_ranges(struct cp_dw *d, const struct cp_dw_unit *u, const struct cp_dw_entry *e,
		  range_fn *on_range, void *ctx)
{
	uint64_t offset = e->ranges;

	if (e->has_ranges && e->ranges_is_index) {
		struct cp_leb b =
			cp_dw_at(d, CP_DW_RNGLISTS, u->rng_base + e->ranges * u->offset_size);

		offset = u->rng_base + cp_leb_fixed(&b, u->offset_size);
	}
	if (e->has_ranges && u->version >= 5)
		new_ranges(d, u, offset, on_range, ctx);
	else if (e->has_ranges)
		old_ranges(d, u, offset, on_range, ctx);
	else if (e->has_low && e->has_high && (e->high_is_size ? e->high : e->high > e->low))
		on_range(ctx, e->low, e->high_is_size ? e->low + e->high : e->high);
}
