/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Metrics in Prometheus's text format, on stdout. */
#ifndef MPTCPLB_EXAMPLES_METRICS_H
#define MPTCPLB_EXAMPLES_METRICS_H

/* One counter, "mptcplb_NAME_total"; @meaning may be NULL. */
void metrics_counter(const char *name, const char *meaning, long long value);

/* One value that goes up and down, "mptcplb_NAME". */
void metrics_gauge(const char *name, const char *meaning, long long value);

#endif
