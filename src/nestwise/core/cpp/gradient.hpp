// Exact gradient of the criterion by the selected inverse.
#pragma once

#include <functional>

#include "workspace.hpp"

namespace nw {

// Sums over levels, one k x k row-major block for each factor, elimination order.
struct Faces {
    std::vector<std::vector<double>> logdet;  // sum of (Z'WA C)_ll: half of d log|.|/d Lambda
    std::vector<std::vector<double>> inverse; // sum of C_ll
    std::vector<std::vector<double>> score;   // sum of v_l u_l': -half of d rho^2/d Lambda
    std::vector<std::vector<double>> residual;  // sum of v_l v_l'
};

// Sees each level of the first factor: C_ll (k x k), C_lN (k x total) and C_NN (total x total), N
// being its neighbours: chain ancestors, its tail columns, X.
using LevelVisitor = std::function<void(std::int64_t level, const double* own, const double* across,
                                        const double* among, std::int64_t total)>;

// Diagonal faces of the inverse and the derivative of the log-determinant. With `augmented` the
// inverse is that of the whole mixed-model matrix in (u, beta) (REML), else of M (ML). When
// `all_faces` is given it receives C_ll of every level, in elimination order (sum m k k).
void selected_inverse(const CrossProducts& cp, const Lambdas& lambda, bool augmented, Workspace& w,
                      Faces& out, double* all_faces, const LevelVisitor& visit = {});

// Sums of v u' and v v'.
void score_sums(const CrossProducts& cp, const Workspace& w, Faces& out);

}  // namespace nw
