// The Schur complement that is left when the chain is eliminated, dense or sparse: its factor, its
// solutions, its inverse on the pattern. Tail columns come first, X last.
#pragma once

#include "workspace.hpp"

namespace nw {

// Position of entry (r, c), r >= c, in w.S and (sparse) in w.S_inverse.
inline std::int64_t tail_at(const CrossProducts& cp, std::int64_t r, std::int64_t c) {
    if (cp.sparse) return cp.sparse->at(static_cast<std::int32_t>(r), static_cast<std::int32_t>(c));
    return r + c * (cp.tail + cp.p);
}

// Position of (first column of X, c) for a tail column c; the other columns of X follow.
inline std::int64_t tail_x_at(const CrossProducts& cp, std::int64_t c) {
    return cp.sparse ? cp.x_at[c] : cp.tail + c * (cp.tail + cp.p);
}

// Values in w.S.
std::int64_t tail_values(const CrossProducts& cp);

// Multiplications of one evaluation with derivatives on the remainder, roughly.
double tail_work(const CrossProducts& cp);

// Decide between dense and sparse, analyse the pattern, and say how many bytes it will take.
// `solver` is 0 (choose), 1 (dense) or 2 (sparse); throws std::length_error beyond `memory`.
void plan_tail(CrossProducts& cp, int solver, double memory);

// Cholesky factor of w.S in place; false when it is not positive definite.
bool factorise_tail(const CrossProducts& cp, Workspace& w);

// A <- L^-1 A, or L^-T A, for m columns (row-major (tail + p) x m), without X when not `with_x`.
void tail_forward(const CrossProducts& cp, const Workspace& w, int m, bool with_x, double* A);
void tail_backward(const CrossProducts& cp, const Workspace& w, int m, bool with_x, double* A);

// w.S_inverse: dense, the full symmetric inverse of order `n` (tail, or tail + p with X); sparse,
// the inverse on the pattern.
void invert_tail(const CrossProducts& cp, bool with_x, Workspace& w);

}  // namespace nw
