// Criterion and derivatives from sums over pairs of neighbours; see chain.hpp.
#include "chain.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "jet.hpp"

namespace nw {

namespace {

using Values = std::vector<double>;

constexpr double pi = 3.14159265358979323846;

// A function of r with two derivatives by par.
struct Slopes {
    double v, d1, d2;
};

// f(r) from f and its derivatives by r.
Slopes along(const Correlation& by, double f, double f1, double f2) {
    return {f, f1 * by.d1, f1 * by.d2 + f2 * by.d1 * by.d1};
}

// What multiplies dd', dx' + xd' and xx' of a gap, and log(1 - r^2).
struct Weights {
    Slopes part[3], logdet;
};

Weights pair_weights(const Correlation& at) {
    const double u = at.short_of_one, w = 1.0 + at.r, r = at.r, q = 1.0 / (u * w);
    Weights out;
    out.part[0] = along(at, q, 2.0 * r * q * q, 2.0 * q * q + 8.0 * r * r * q * q * q);
    out.part[1] = along(at, 1.0 / w, -1.0 / (w * w), 2.0 / (w * w * w));
    out.part[2] = along(at, u / w, -2.0 / (w * w), 4.0 / (w * w * w));
    out.logdet = along(at, std::log(u * w), -2.0 * r * q, -2.0 * (1.0 + r * r) * q * q);
    return out;
}

// A sum with fixed part and parts of each gap: value, first and second derivative by the correlation's par.
template <int M>
void set_slopes(Jet<M>& out, double v, double d1, double d2) {
    out.v = v;
    out.g[M - 1] = d1;
    out.h[M * (M + 1) / 2 - 1] = d2;
}

template <int M>
void add_slopes(Jet<M>& out, const Slopes& by, double x) {
    out.v += by.v * x;
    out.g[M - 1] += by.d1 * x;
    out.h[M * (M + 1) / 2 - 1] += by.d2 * x;
}

// D'R^-1 D, packed, and log |R|.
template <int M>
std::vector<Jet<M>> cross_products(const ChainModel& model, const std::vector<Weights>& weights, Jet<M>& logdet) {
    const size_t size = model.first.size();
    std::vector<Jet<M>> out(size);
    for (size_t ab = 0; ab < size; ++ab) out[ab].v = model.first[ab];
    for (size_t g = 0; g < weights.size(); ++g) {
        add_slopes(logdet, weights[g].logdet, model.count[g]);
        for (int part = 0; part < 3; ++part) {
            const double* sums = &model.squares[(3 * g + static_cast<size_t>(part)) * size];
            for (size_t ab = 0; ab < size; ++ab) add_slopes(out[ab], weights[g].part[part], sums[ab]);
        }
    }
    return out;
}

// Lower Cholesky factor in place of a lower triangle of stride `ld`; adds log |A|.
template <int M>
bool cholesky(Jet<M>* A, int n, int ld, Jet<M>& logdet) {
    for (int j = 0; j < n; ++j) {
        for (int l = 0; l < j; ++l) add_product(A[j * ld + j], A[j * ld + l], A[j * ld + l], -1.0);
        if (!(A[j * ld + j].v > 0.0) || !std::isfinite(A[j * ld + j].v)) return false;
        add_multiple(logdet, logarithm(A[j * ld + j]), 1.0);
        A[j * ld + j] = square_root(A[j * ld + j]);
        const Jet<M> inverse = reciprocal(A[j * ld + j]);
        for (int i = j + 1; i < n; ++i) {
            for (int l = 0; l < j; ++l) add_product(A[i * ld + j], A[i * ld + l], A[j * ld + l], -1.0);
            A[i * ld + j] = product(A[i * ld + j], inverse);
        }
    }
    return true;
}

// B <- L^-1 B for `columns` columns of stride `ldb`.
template <int M>
void solve_lower(const Jet<M>* L, int n, int ld, Jet<M>* B, int columns, int ldb) {
    for (int i = 0; i < n; ++i) {
        const Jet<M> inverse = reciprocal(L[i * ld + i]);
        for (int a = 0; a < columns; ++a) {
            for (int l = 0; l < i; ++l) add_product(B[i * ldb + a], L[i * ld + l], B[l * ldb + a], -1.0);
            B[i * ldb + a] = product(B[i * ldb + a], inverse);
        }
    }
}

template <int M>
std::vector<Jet<M>> joint_lambda(const ChainModel& model, const Values& par) {
    std::vector<Jet<M>> out(static_cast<size_t>(model.k) * model.k);
    for (size_t i = 0; i < model.entries.size(); ++i) {
        Jet<M>& entry = out[static_cast<size_t>(model.entries[i].row * model.k + model.entries[i].column)];
        entry.v = par[i];
        entry.g[i] = 1.0;
    }
    return out;
}

// Z'R^-1 [Z D] of one cluster: value and two derivatives, each (k, k + c).
void cluster_products(const ChainModel& model, const std::vector<Weights>& weights, size_t s, Values& out) {
    const size_t block = static_cast<size_t>(model.k) * (model.k + model.c);
    std::fill(out.begin(), out.end(), 0.0);
    std::copy_n(&model.cluster_first[s * block], block, out.begin());
    for (const ClusterPairs& pairs : model.clusters[s])
        for (int part = 0; part < 3; ++part) {
            const Slopes& by = weights[static_cast<size_t>(pairs.gap)].part[part];
            const double* sums = &model.cluster_sums[pairs.begin + static_cast<size_t>(part) * block];
            for (size_t i = 0; i < block; ++i) {
                out[i] += by.v * sums[i];
                out[block + i] += by.d1 * sums[i];
                out[2 * block + i] += by.d2 * sums[i];
            }
        }
}

// Take B'Lambda (I + Lambda'A Lambda)^-1 Lambda'B of every cluster from the cross-products.
template <int M>
bool absorb_effects(const ChainModel& model, const std::vector<Weights>& weights, const Values& par,
                    std::vector<Jet<M>>& cross, Jet<M>& logdet) {
    const int k = model.k, c = model.c, w = k + c;
    const size_t block = static_cast<size_t>(k) * w;
    const std::vector<Jet<M>> Lambda = joint_lambda<M>(model, par);
    Values sums(3 * block);
    std::vector<Jet<M>> plain(block), half(block), inner(static_cast<size_t>(k) * k);
    for (size_t s = 0; s < model.clusters.size(); ++s) {
        cluster_products(model, weights, s, sums);
        for (size_t i = 0; i < block; ++i) set_slopes(plain[i], sums[i], sums[block + i], sums[2 * block + i]);
        for (int i = 0; i < k; ++i)
            for (int a = 0; a < w; ++a) {
                half[i * w + a] = Jet<M>();
                for (int l = i; l < k; ++l) add_product(half[i * w + a], Lambda[l * k + i], plain[l * w + a]);
            }
        for (int i = 0; i < k; ++i)
            for (int j = 0; j <= i; ++j) {
                inner[i * k + j] = Jet<M>();
                inner[i * k + j].v = i == j ? 1.0 : 0.0;
                for (int l = j; l < k; ++l) add_product(inner[i * k + j], half[i * w + l], Lambda[l * k + j]);
            }
        if (!cholesky(inner.data(), k, k, logdet)) return false;
        solve_lower(inner.data(), k, k, half.data() + k, c, w);
        for (int i = 0; i < k; ++i) {
            const Jet<M>* H = half.data() + i * w + k;
            for (int a = 0, ab = 0; a < c; ++a)
                for (int b = 0; b <= a; ++b, ++ab) add_product(cross[ab], H[a], H[b], -1.0);
        }
    }
    return true;
}

// The fixed effects, and what they leave: `L` (c, c) holds the factor of [X y]'V^-1[X y] and z.
template <int M>
bool solve_fixed(const std::vector<Jet<M>>& cross, int c, std::vector<Jet<M>>& L, Jet<M>& fixed_logdet,
                 Jet<M>& pwrss) {
    const int p = c - 1;
    L.assign(static_cast<size_t>(c) * c, Jet<M>());
    for (int a = 0, ab = 0; a < c; ++a)
        for (int b = 0; b <= a; ++b, ++ab) L[a * c + b] = cross[ab];
    if (!cholesky(L.data(), p, c, fixed_logdet)) return false;
    // The last row becomes z' = (L^-1 X'V^-1 y)'.
    for (int b = 0; b < p; ++b) {
        for (int l = 0; l < b; ++l) add_product(L[p * c + b], L[p * c + l], L[b * c + l], -1.0);
        L[p * c + b] = product(L[p * c + b], reciprocal(L[b * c + b]));
        add_product(L[p * c + p], L[p * c + b], L[p * c + b], -1.0);
    }
    pwrss = L[p * c + p];
    return pwrss.v > 0.0;
}

template <int M>
void estimates(const std::vector<Jet<M>>& L, int c, ChainPoint& out) {
    const int p = c - 1;
    Values inverse(static_cast<size_t>(p) * p, 0.0);
    for (int j = 0; j < p; ++j) {
        inverse[j * p + j] = 1.0 / L[j * c + j].v;
        for (int i = j + 1; i < p; ++i) {
            double total = 0.0;
            for (int l = j; l < i; ++l) total -= L[i * c + l].v * inverse[l * p + j];
            inverse[i * p + j] = total / L[i * c + i].v;
        }
    }
    out.delta.assign(static_cast<size_t>(p), 0.0);
    out.Phi.assign(static_cast<size_t>(p) * p, 0.0);
    for (int l = 0; l < p; ++l)
        for (int i = 0; i <= l; ++i) {
            out.delta[i] += inverse[l * p + i] * L[p * c + l].v;
            for (int j = 0; j <= l; ++j) out.Phi[i * p + j] += inverse[l * p + i] * inverse[l * p + j];
        }
}

template <int M>
void tell(const Jet<M>& value, const Jet<M>& logdet, const Jet<M>& pwrss, ChainPoint& out) {
    out.value = value.v;
    out.pwrss = pwrss.v;
    out.hessian.resize(M * M);
    out.gradient.assign(value.g, value.g + M);
    out.gradient_logdet.assign(logdet.g, logdet.g + M);
    out.gradient_pwrss.assign(pwrss.g, pwrss.g + M);
    for (int i = 0, ij = 0; i < M; ++i)
        for (int j = 0; j <= i; ++j, ++ij) out.hessian[i * M + j] = out.hessian[j * M + i] = value.h[ij];
    bool finite = std::isfinite(out.value);
    for (double x : out.hessian) finite = finite && std::isfinite(x);
    if (!finite) out.value = std::numeric_limits<double>::quiet_NaN();
}

// What the criterion is made of.
template <int M>
struct Parts {
    std::vector<Jet<M>> cross;  // [X y]'V^-1[X y], packed
    std::vector<Jet<M>> L;      // its factor, see `solve_fixed`
    Jet<M> logdet, pwrss;       // log |V| [+ log |X'V^-1 X|]
};

template <int M>
bool take_apart(const ChainModel& model, const Values& par, bool reml, Parts<M>& out) {
    std::vector<Weights> weights;
    for (const Correlation& at : correlations(model, par.back())) weights.push_back(pair_weights(at));
    Jet<M> fixed_logdet;
    out.logdet.v = model.constant;
    out.cross = cross_products<M>(model, weights, out.logdet);
    if (!std::isfinite(out.logdet.v)) return false;
    if (model.k && !absorb_effects(model, weights, par, out.cross, out.logdet)) return false;
    if (!solve_fixed(out.cross, model.c, out.L, fixed_logdet, out.pwrss)) return false;
    if (!reml) return true;
    fixed_logdet.v += model.fixed_constant;
    add_multiple(out.logdet, fixed_logdet, 1.0);
    return true;
}

template <int M>
void evaluate(const ChainModel& model, bool reml, ChainPoint& out) {
    Parts<M> parts;
    if (!take_apart(model, out.par, reml, parts)) return;
    const double df = static_cast<double>(model.n - (reml ? model.c - 1 : 0));
    Jet<M> value = parts.logdet;
    add_multiple(value, logarithm(parts.pwrss), df);
    value.v += df * (1.0 + std::log(2.0 * pi / df));
    tell(value, parts.logdet, parts.pwrss, out);
    estimates(parts.L, model.c, out);
}

template <int M>
void curvature(const ChainModel& model, const Values& par, bool reml, ChainCurvature& out) {
    Parts<M> parts;
    if (!take_apart(model, par, reml, parts)) return;
    const int p = model.c - 1;
    out.logdet.resize(M * M);
    out.pwrss.resize(M * M);
    out.information.resize(static_cast<size_t>(M) * p * p);
    for (int i = 0, ij = 0; i < M; ++i) {
        for (int j = 0; j <= i; ++j, ++ij) {
            out.logdet[i * M + j] = out.logdet[j * M + i] = parts.logdet.h[ij];
            out.pwrss[i * M + j] = out.pwrss[j * M + i] = parts.pwrss.h[ij];
        }
        double* own = &out.information[static_cast<size_t>(i) * p * p];
        for (int a = 0, ab = 0; a < p; ++a)
            for (int b = 0; b <= a; ++b, ++ab) own[a * p + b] = own[b * p + a] = parts.cross[ab].g[i];
    }
    out.finite = true;
}

}  // namespace

std::vector<Correlation> correlations(const ChainModel& model, double par) {
    std::vector<Correlation> out;
    const double t = std::tanh(par), rate = std::exp(-par);
    const double short_of_one = 2.0 / (std::exp(2.0 * par) + 1.0), s = short_of_one * (1.0 + t);
    for (double gap : model.gaps) {
        if (model.decay == Decay::by_time) {
            const double a = gap * rate, r = std::exp(-a);
            out.push_back({r, a * r, a * r * (a - 1.0), -std::expm1(-a)});
            continue;
        }
        const double before = gap < 2.0 ? (gap < 1.0 ? 0.0 : 1.0) : std::pow(t, gap - 1.0), r = before * t;
        const double second = gap < 2.0 ? 0.0 : gap * (gap - 1.0) * std::pow(t, gap - 2.0) * s * s;
        double u = 1.0 - r;
        if (gap == 1.0) u = short_of_one;
        else if (t > 0.5) u = -std::expm1(gap * std::log1p(-short_of_one));
        out.push_back({r, gap * before * s, second - 2.0 * gap * r * s, u});
    }
    return out;
}

// Call `f` with the number of parameters as a constant.
template <class F>
static void with_parameters(int m, F&& f) {
    switch (m) {
        case 1: f(std::integral_constant<int, 1>()); break;
        case 2: f(std::integral_constant<int, 2>()); break;
        case 3: f(std::integral_constant<int, 3>()); break;
        case 4: f(std::integral_constant<int, 4>()); break;
        case 5: f(std::integral_constant<int, 5>()); break;
        case 6: f(std::integral_constant<int, 6>()); break;
        case 7: f(std::integral_constant<int, 7>()); break;
        default: break;
    }
}

ChainPoint evaluate_chain(const ChainModel& model, std::vector<double> par, bool reml) {
    ChainPoint out;
    out.par = std::move(par);
    with_parameters(model.m(), [&](auto m) { evaluate<m>(model, reml, out); });
    return out;
}

ChainCurvature chain_curvature(const ChainModel& model, const std::vector<double>& par, bool reml) {
    ChainCurvature out;
    with_parameters(model.m(), [&](auto m) { curvature<m>(model, par, reml, out); });
    return out;
}

}  // namespace nw
