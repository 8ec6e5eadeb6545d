// Forward and backward substitution with the factor that `eliminate` left in the workspace.
#pragma once

#include <cstdint>

#include "workspace.hpp"

namespace nw {

// r_target <- r_target - c r over m columns.
inline void subtract_columns(double* target, double c, const double* r, int m) {
    for (int j = 0; j < m; ++j) target[j] -= c * r[j];
}

// R <- L^-1 R through chain factor i (R: q x m, row-major); what its levels pass on to the tail and
// to X goes to w.R_tail ((tail + p) x m).
void forward_factor(const CrossProducts& cp, int i, int m, double* R, Workspace& w);

// R, w.R_tail <- solution of the mixed-model equations in (u, beta), or in u alone when not
// `with_x`; on entry the right-hand sides (R: q x m in elimination order; of w.R_tail only the X
// rows are read).
void solve_equations(const CrossProducts& cp, int m, bool with_x, double* R, Workspace& w);

// Sparse rows (a, x) of the mixed-model equations: of every factor one level, or none (-1).
struct SparseRows {
    std::int64_t n;
    std::vector<const std::int32_t*> level;  // elimination order, n each
    std::vector<const double*> value;        // elimination order, n x k each, row-major
    const double* X;                         // n x p, row-major
};

// out[r] = (a_r, x_r) K^-1 (a_r, x_r)': only the levels above those of a row are visited.
void row_forms(const CrossProducts& cp, const SparseRows& rows, Workspace& w, double* out);

}  // namespace nw
