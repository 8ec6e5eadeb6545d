// Starting values from moments: the twin of `moment_start` in core/start.py.
#pragma once

#include <vector>

#include "information.hpp"

namespace nw {

// par to begin with, one for each entry, from `component_moments` of n rows; `widths` are the
// columns of the factors. Source: Rao (1971), J. Multivariate Anal. 1, 257-275.
std::vector<double> moment_start(const std::vector<double>& gram, const std::vector<double>& quadratic,
                                 double n, const std::vector<Entry>& entries,
                                 const std::vector<int>& widths);

}  // namespace nw
