// The covariance matrix of a pattern, its derivatives, and sums over patterns in the coordinates of
// the structure's own matrix.
#pragma once

#include <vector>

#include "structured.hpp"

namespace nw {

// V (v, v) relative to sigma^2.
std::vector<double> structured_covariance(const StructuredModel& model, const StructuredState& state,
                                          const StructuredPattern& one);

struct Derivatives {
    std::vector<int> active;      // parameters that V depends on
    std::vector<double> values;   // (active, v, v)
};

Derivatives covariance_derivatives(const StructuredModel& model, const StructuredState& state,
                                   const StructuredPattern& one);

// Where the derivatives of V are parts of few matrices (u, u) that all patterns share, and there are
// many of them, the sums over patterns are formed by position first and meet the derivatives once.
class TableSums {
  public:
    explicit TableSums(const StructuredModel& model);
    bool takes(const StructuredPattern& one) const;
    // mixed: (v, v, p) sum over blocks of W (e X') W.
    void add(const StructuredPattern& one, const double* W, const double* trace, const double* seen,
             const double* mixed);
    void collect(const StructuredState& state, StructuredSums& out) const;

  private:
    const StructuredModel& model_;
    bool use_ = false;
    std::vector<double> trace_, seen_;  // (u, u)
    std::vector<double> pairs_;         // (u, u, u, u): sum of W[j, l] seen[m, k]
    std::vector<double> mixed_;         // (u, u, p): sum of (W F W)
};

}  // namespace nw
