// LAPACK's dpotrf and dpotri on large matrices, in panels between which Ctrl-C is heard.
#pragma once

namespace nw {

// Lower Cholesky factor in place of the lower triangle of a column-major matrix; false where the
// matrix is not positive definite.
bool cholesky_in_panels(double* A, int n, int ld);

// (L L')^-1 in place of L, lower triangle.
void inverse_in_panels(double* A, int n, int ld);

}  // namespace nw
