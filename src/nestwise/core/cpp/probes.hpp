// The sums of `selected_inverse`, estimated from solutions with random signs.
#pragma once

#include "gradient.hpp"

namespace nw {

// Columns z with which the inverse is probed, q x m row-major. Columns first[f] to first[f + 1] are
// zero outside of factor f: random signs, the same at every call, or the unit vectors where a
// factor has no more random effects than these.
struct Probes {
    int m = 0;
    std::vector<double> z;
    std::vector<int> first;
    std::vector<bool> complete;  // unit vectors: their sums are exact

    int count(size_t f) const { return first[f + 1] - first[f]; }
};

// `signs` random columns a factor, and unit vectors for factors of up to `complete` random effects.
Probes make_probes(const CrossProducts& cp, int signs, int complete);

// Sums over the levels of each factor, one for each of its columns: entry (r, s) of column c at
// (r k + s) count + c.
struct Estimates {
    std::vector<std::vector<double>> logdet, inverse;
};

// E z z' = I, so that the faces of A C are the expected faces of (A C z) z': one solution for each z
// in place of an inverse. Source: Hutchinson (1990), Commun. Stat. Simul. Comput. 19, 433-450.
// After `eliminate`; `augmented` as in `selected_inverse`.
Estimates estimated_faces(const CrossProducts& cp, const Lambdas& lambda, bool augmented,
                          const Probes& probes, Workspace& w);

// What estimates with the same probes changed; the estimates themselves when `before` is empty.
Estimates since(const Estimates& now, const Estimates& before);

// Adds the sums of `other`, which may be empty.
void add_sums(const Faces& other, Faces& out);

// What `selected_inverse` would add to `out`, estimated.
void average(const Probes& probes, const Estimates& estimates, Faces& out);

}  // namespace nw
