// Sparse Cholesky factor in supernodes: runs of columns with the same rows, held as dense blocks.
#pragma once

#include <cstdint>
#include <vector>

#include "graph.hpp"

namespace nw {

// Where the entries of the factor (and of the matrix, and of the inverse on the same pattern) are.
// Indices are in elimination order; the last `border` columns are dense rows of every supernode.
struct Supernodes {
    int n = 0, border = 0;
    std::vector<std::int32_t> position;      // tail column -> index in elimination order
    std::vector<std::int32_t> first;         // first column of each supernode, and n
    std::vector<std::int32_t> of_column;     // supernode of each column
    std::vector<std::int64_t> row_start;     // rows of each supernode, its own columns first
    std::vector<std::int32_t> row;
    std::vector<std::int64_t> value_start;   // column-major blocks
    double flops = 0.0;
    double refused = 0.0;                    // values of a factor that would be too large

    int size() const { return static_cast<int>(first.size()) - 1; }
    std::int64_t rows_of(int s) const { return row_start[s + 1] - row_start[s]; }
    std::int64_t values() const { return value_start.back(); }
    // Position of entry (a, b) given as tail columns in any order; it must be in the pattern.
    std::int64_t at(std::int32_t a, std::int32_t b) const;
};

// Analyse a graph of nodes of given widths (scalar columns each), followed by `border` columns that
// meet everything. Node i's columns are `column[i]` .. `column[i] + width[i] - 1` of the tail. The
// result has no columns when more than about `most` operations would be needed, or more than
// `most_values` values, which are then told.
Supernodes analyse(const Graph& graph, const std::vector<std::int32_t>& column,
                   const std::vector<std::int32_t>& width, int border, double most,
                   double most_values);

// Cholesky factor in place; false when the matrix is not positive definite.
bool factorise_sparse(const Supernodes& sn, double* values, std::vector<double>& scratch);

// X <- L^-1 X and X <- L^-T X for m columns (row-major n x m, rows in elimination order); the
// first `upto` columns of L only.
void forward_sparse(const Supernodes& sn, const double* L, double* X, int m, int upto);
void backward_sparse(const Supernodes& sn, const double* L, double* X, int m, int upto);

// The inverse on the pattern of the factor, of the leading part without the border unless
// `with_border`. Source: Takahashi, Fagan & Chin (1973); Erisman & Tinney (1975).
void invert_sparse(const Supernodes& sn, const double* L, bool with_border, double* C,
                   std::vector<double>& scratch);

}  // namespace nw
