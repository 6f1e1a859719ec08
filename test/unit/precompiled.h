// Purpose: base/precompiled.h for the compiled tests, with their framework.
#pragma once

#include <doctest/doctest.h>

#include "base/precompiled.h"
