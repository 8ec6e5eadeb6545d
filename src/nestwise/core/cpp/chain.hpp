// Residuals of which each, given the one before it, is independent of all earlier ones: first-order
// autoregression in visits or in time. The inverse of their correlation matrix is a sum over pairs of
// neighbours, (y - r x)(y - r x)' / (1 - r^2) for rows x and y with correlation r. Summed by gap once,
// with d = y - x so that nothing cancels as r approaches 1, an evaluation does not depend on the
// number of rows:  dd' / (1 - r^2) + (dx' + xd') / (1 + r) + xx' (1 - r) / (1 + r).
// The readable twin is core/structured/blockwise.py, which forms the matrices.
//
// Source: Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.3.1 (AR(1), CAR(1));
// Rue & Held (2005), Gaussian Markov Random Fields, section 1.1.1 (the precision matrix).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace nw {

// r of rows `gap` apart: tanh(par)^gap for whole gaps, or exp(-gap exp(-par)).
enum class Decay { by_order, by_time };

// Sums over the pairs of one gap in one cluster of levels of the random effects.
struct ClusterPairs {
    int gap;       // which
    std::size_t begin;  // three (k, k + c) blocks in `ChainModel::cluster_sums`
};

struct ChainEntry {
    int row, column;  // of the joint Lambda (k, k)
};

struct ChainModel {
    Decay decay = Decay::by_order;
    std::int64_t n = 0;
    int c = 0;                     // columns of D = [Q y]
    int k = 0;                     // columns of Z, all terms side by side
    double constant = 0.0;         // -sum of log weights
    double fixed_constant = 0.0;   // 2 log |RX|
    std::vector<ChainEntry> entries;
    std::vector<double> gaps;      // distinct
    std::vector<double> count;     // pairs of each gap
    std::vector<double> first;     // packed (c): sum of x x' over first rows
    std::vector<double> squares;   // (gaps, 3, packed c): dd', dx' + xd', xx'
    std::vector<double> cluster_first;               // (clusters, k, k + c): Z'[Z D] of first rows
    std::vector<std::vector<ClusterPairs>> clusters; // pairs of each
    std::vector<double> cluster_sums;
    // The rows, for V^-1 times a vector.
    std::vector<std::int64_t> order;  // row of the caller
    std::vector<int> gap;             // to the row before; -1 in the first row of a subject
    std::vector<int> cluster;         // of each row
    std::vector<double> root;         // square roots of the weights
    std::vector<double> Z;            // (n, k), times root

    int m() const { return static_cast<int>(entries.size()) + 1; }
};

struct ChainRows {
    std::int64_t n = 0;
    int p = 0;
    const double* Q = nullptr;           // (n, p) row-major
    const double* y = nullptr;
    const std::int32_t* subject = nullptr;
    const double* time = nullptr;
    const double* weights = nullptr;     // or null
    std::vector<const std::int32_t*> codes;  // of each term
    std::vector<const double*> Z;            // of each term, (n, width)
    std::vector<int> widths;
};

// Sort the rows and form the sums; false where rows share a time, the terms do not share their levels,
// a subject has rows in several levels, or there are so many different gaps that sums do not pay.
bool make_chain(const ChainRows& rows, ChainModel& out);

struct ChainPoint {
    std::vector<double> par, gradient, hessian, gradient_logdet, gradient_pwrss;
    double value = std::numeric_limits<double>::quiet_NaN();
    double pwrss = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> delta, Phi;
    int evaluations = 1;
};

// Criterion with exact first and second derivatives; value NaN where it is not defined.
ChainPoint evaluate_chain(const ChainModel& model, std::vector<double> par, bool reml);

// What inference reads: second derivatives of the determinants and of pwrss, and first ones of
// X'V^-1 X, all by the parameters.
struct ChainCurvature {
    bool finite = false;
    std::vector<double> logdet, pwrss;  // (m, m)
    std::vector<double> information;    // (m, p, p), basis Q
};

ChainCurvature chain_curvature(const ChainModel& model, const std::vector<double>& par, bool reml);

// V^-1 e for one vector in the caller's order.
std::vector<double> weigh_chain(const ChainModel& model, const std::vector<double>& par, const double* e);

// L^-1 e and L e for one vector in the caller's order, R = L L' row by row in the order of times.
std::vector<double> whiten_chain(const ChainModel& model, double par, const double* e);
std::vector<double> colour_chain(const ChainModel& model, double par, const double* e);

// Most parameters that `evaluate_chain` takes.
constexpr int most_chain_parameters = 7;

// r and its first two derivatives by par, and 1 - r to full precision, of each gap.
struct Correlation {
    double r, d1, d2, short_of_one;
};
std::vector<Correlation> correlations(const ChainModel& model, double par);

}  // namespace nw
