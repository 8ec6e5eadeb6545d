// Models with structured residuals whose blocks of rows are independent: criterion, gradient and
// average information from patterns. The readable twin is core/structured/blockwise.py.
#pragma once

#include <cstdint>
#include <vector>

namespace nw {

// Blocks with the same covariance matrix.
struct StructuredPattern {
    std::int64_t count = 0;             // blocks
    int v = 0;                          // rows of each
    std::vector<int> position;          // (v) among the distinct positions of the structure
    std::vector<int> subject;           // (v)
    std::vector<int> arm;               // (v)
    std::vector<double> features;       // (v, f)
    std::vector<double> root;           // (v) 1 / sqrt(weight)
    std::vector<std::vector<double>> Z; // terms, each (v, k)
    std::vector<std::vector<int>> level;// terms, each (v)
    std::vector<double> table;          // (v, v, c, c) sums over blocks of D[j, a] D[k, b], or empty
    std::vector<double> rows;           // (count, v, c) the data D = [Q y], where that is less
};

struct StructuredEntry {
    int term, row, column;
};

struct StructuredModel {
    int c = 0;      // columns of [Q y]
    int u = 0;      // distinct positions
    int arms = 0;
    int s = 0;      // parameters of one arm's matrix
    int f = 0;      // parameters of the standard deviations
    bool structured = false;  // else rows are uncorrelated but for random effects
    std::vector<int> widths;  // columns of each random-effects term
    std::vector<StructuredEntry> entries;
    std::vector<StructuredPattern> patterns;

    int m() const { return static_cast<int>(entries.size()) + arms * s + f; }
};

// What the structure gives at one par.
struct StructuredState {
    const double* R;         // (arms, u, u)
    const double* dR;        // (arms, s, u, u)
    const double* log_sd;    // (f) parameters of the standard deviations
    std::vector<std::vector<double>> Lambda;  // terms, each (k, k)
};

struct StructuredSums {
    bool finite = false;     // false where a covariance is not positive definite
    double logdet = 0.0;     // sum of log |V|
    double fixed_logdet = 0.0;
    double pwrss = 0.0;
    std::vector<double> delta;  // (p)
    std::vector<double> half;   // (p, p), Phi = half half'
    std::vector<double> trace, score;  // (m)
    std::vector<double> gram, mixed;   // (m, m), (m, p)
    std::vector<double> extra;         // (m, m) curvature of Lambda Lambda'
};

StructuredSums evaluate_structured(const StructuredModel& model, const StructuredState& state,
                                   double df, bool reml);

}  // namespace nw
