#pragma once

/// The variable with the seconds by which the wall clock is wrong, such as -10800.
#define FAKE_TIME_OFFSET "FAKE_TIME_OFFSET"
