// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The same for the library that reads farm files. */
#include <mptcplb/farm.h>

#include <stdio.h>

int main(void)
{
	struct mptcplb_farm_error error;
	struct mptcplb_farm *farm = mptcplb_farm_load("/nonexistent/farm.yaml", &error);

	printf("%s\n", farm ? "a farm out of nothing" : error.text);
	mptcplb_farm_free(farm);
	return farm != NULL;
}
