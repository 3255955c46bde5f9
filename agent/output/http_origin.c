/* SPDX-License-Identifier: MIT */
/*
 * http_origin.c - whether a request may come from a web page that is not ours
 *
 * Context  ANY: pure
 * Holds    see http_parse.h
 * Why      A browser reaches loopback for any page it shows. It keeps the answer from
 *          a page of another origin, but not when that page's own name was made to lead
 *          here: then Host still says the name. An address, or localhost, can't be made
 *          to lead elsewhere. And what a page can't read it can still ask for, to keep
 *          us busy: browsers say so in Sec-Fetch-Site; a link that is followed is fine.
 */
#include "http_parse.h"

#include <string.h>

static bool ends_in(struct cp_slice s, const char *text)
{
	size_t n = strlen(text);

	return s.n >= n && cp_slice_is_word((struct cp_slice){s.p + s.n - n, n}, text);
}

/* Without :PORT. */
static struct cp_slice host_of(struct cp_slice s)
{
	size_t n = s.n;

	while (n && s.p[n - 1] >= '0' && s.p[n - 1] <= '9')
		n--;
	if (n && s.p[n - 1] == ':')
		s.n = n - 1;
	return s;
}

/* No name is made of digits and dots alone: their last part would be a number. */
static bool is_address(struct cp_slice s)
{
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		return true;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '.' && (s.p[i] < '0' || s.p[i] > '9'))
			return false;
	return s.n > 0;
}

bool cp_http_host_is_safe(struct cp_slice host)
{
	struct cp_slice s = host_of(host);

	if (!s.n || is_address(s))
		return true;
	if (s.p[s.n - 1] == '.')
		s.n--;
	return ends_in(s, "localhost") && (s.n == 9 || s.p[s.n - 10] == '.');
}

bool cp_http_is_foreign(const struct cp_http_request *r)
{
	return r->fetch_site.n && !cp_slice_is(r->fetch_site, "same-origin") &&
	       !cp_slice_is(r->fetch_site, "none") && !cp_slice_is(r->fetch_mode, "navigate");
}
