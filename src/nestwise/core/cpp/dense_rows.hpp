// Small dense products and factors, row-major.
#pragma once

namespace nw {

// C (n, k) = A (n, m) B (m, k).
void multiply(const double* A, const double* B, double* C, int n, int m, int k);

// C (n, k) = A (n, m) B' with B (k, m).
void multiply_transposed(const double* A, const double* B, double* C, int n, int m, int k);

// C (n, k) += A' B with A (m, n), B (m, k).
void add_transposed_product(const double* A, const double* B, double* C, int m, int n, int k);

// Lower Cholesky factor in place (the upper triangle is left as it was), log |A|; false when A is
// not positive definite.
bool cholesky_lower(double* A, int n, double& logdet);

// Inverse of a lower triangular matrix in place; the upper triangle becomes zero.
void invert_lower(double* L, int n);

// A^-1, both triangles, from its lower Cholesky factor, in place.
void invert_from_cholesky(double* L, int n);

}  // namespace nw
