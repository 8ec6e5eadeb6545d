// The sufficient statistics of a linear mixed model and the pattern in which levels co-occur.
//
// Factors are held in elimination order: first a chain, each nested in the next, which is
// eliminated level by level; then the tail, whose Schur complement is dense.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "supernodal.hpp"

namespace nw {

// One grouping factor as it comes from Python: nullptr columns are constantly one.
struct FactorRows {
    const std::int32_t* codes;
    int n_levels;
    std::vector<const double*> columns;
    std::vector<double> inverse_scale;
};

// The rows of the data; X is column-major n x p, its columns are centred and scaled on the fly.
struct Rows {
    std::int64_t n;
    int p;
    const double* y;
    const double* X;
    std::vector<double> x_center, x_inverse_scale;
    const double* weights;  // nullptr: all one
    std::vector<FactorRows> factors;
};

// Co-occurring pairs (level of f, level of g): CSR over the levels of f, with the k_f x k_g
// cross-product of each pair, row-major.
struct Pairs {
    std::vector<std::int64_t> start;
    std::vector<std::int32_t> level;
    std::vector<double> value;
};

struct Factor {
    int input;            // position in the caller's list
    int k, m;             // columns, levels
    std::int64_t offset;  // first element of its u in elimination order
    int tail_column;      // first column in the dense tail, -1 for the chain
    std::vector<double> diagonal;  // m x k x k
    std::vector<double> xy;        // m x k x (p + 1): Z'WX and, last, Z'Wy
};

// Scalar tail columns that each level of a chain factor meets, ascending; and, for every chain
// ancestor, where those columns stand in the ancestor's own list.
struct TailRows {
    std::vector<std::int64_t> start;
    std::vector<std::int32_t> column;
    std::vector<std::vector<std::int32_t>> in_ancestor;
    bool full = false;  // every level meets every tail column
    // Sparse tail only: where the square of each level's columns stands in the factor, by columns.
    std::vector<std::int64_t> square_start, square;
};

struct Workspace;

struct CrossProducts {
    std::int64_t n = 0, q = 0;
    int p = 0;
    int n_chain = 0;
    int tail = 0;                      // scalar columns of the tail's random effects
    std::vector<Factor> factors;       // elimination order
    std::vector<std::vector<Pairs>> pairs;  // pairs[f][g], f < g
    std::vector<TailRows> rows;        // one for each chain factor
    std::shared_ptr<const Supernodes> sparse;  // pattern of the tail's factor; null: dense
    std::vector<std::int64_t> x_at;      // sparse: where (X, tail column) begins in the factor
    std::vector<double> xx;            // (p + 1) x (p + 1): X'WX, X'Wy, y'Wy
    int max_k = 0;

    // Scratch memory, one for each thread that evaluates at the same time.
    std::unique_ptr<Workspace> acquire() const;
    void release(std::unique_ptr<Workspace> w) const;

    // The same design with another response: Z'Wy (elimination order), X'Wy, y'Wy.
    std::unique_ptr<CrossProducts> with_response(const double* zy, const double* xy, double yy) const;

    CrossProducts();
    ~CrossProducts();
    CrossProducts(const CrossProducts&) = delete;
    CrossProducts& operator=(const CrossProducts&) = delete;

  private:
    mutable std::mutex mutex_;
    mutable std::vector<std::unique_ptr<Workspace>> idle_;
};

// One pass over the rows for each factor. `solver` and `memory` (bytes): see `plan_tail`.
std::unique_ptr<CrossProducts> cross_products(const Rows& rows, int solver, double memory);

}  // namespace nw
