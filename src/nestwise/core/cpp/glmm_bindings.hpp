// What the two kernels of generalised models share at the border to Python.
#pragma once

#include <cmath>

#include "bindings.hpp"
#include "glmm_newton.hpp"
#include "trust.hpp"

namespace nwpy {

using Places = nb::ndarray<const i64, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// The fixed part of the linear predictor, as Python hands it over.
struct FixedArrays {
    Matrix X;
    Vector center, scale, offset;
    Places order;  // empty: rows as they are

    nw::FixedPart view(i64 n) const {
        const size_t p = X.shape(1), rows = static_cast<size_t>(n);
        if (X.shape(0) != rows || offset.shape(0) != rows || center.shape(0) != p || scale.shape(0) != p ||
            (order.shape(0) && order.shape(0) != rows))
            throw nb::value_error("the fixed part does not have the shape of the model");
        return {n, static_cast<int>(p), X.data(), center.data(), scale.data(), offset.data(),
                order.shape(0) ? order.data() : nullptr};
    }
};

inline std::vector<double> copied(const Vector& x) { return {x.data(), x.data() + x.shape(0)}; }

// u between the caller's order of factors and the order of elimination.
inline std::vector<double> reordered(const CrossProducts& cp, const double* u, bool to_caller) {
    std::vector<double> out(static_cast<size_t>(cp.q));
    i64 at = 0;
    for (size_t f : positions(cp)) {
        const auto& g = cp.factors[f];
        const i64 size = static_cast<i64>(g.m) * g.k;
        if (to_caller)
            std::copy_n(u + g.offset, size, out.begin() + at);
        else
            std::copy_n(u + at, size, out.begin() + g.offset);
        at += size;
    }
    return out;
}

// Ctrl-C between two evaluations.
inline void listen() {
    const nb::gil_scoped_acquire hold;
    if (PyErr_CheckSignals()) throw nb::python_error();
}

// Eigenvalues, ascending, and vectors (columns) of the curvature at the end of a path.
inline nb::tuple spectrum(const std::vector<double>& hessian, size_t m) {
    std::vector<double> values, V;
    nw::symmetric_eigen(hessian, static_cast<int>(m), values, V);
    std::vector<size_t> order(m);
    for (size_t j = 0; j < m; ++j) order[j] = j;
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
    std::vector<double> sorted, vectors(m * m);
    for (size_t j = 0; j < m; ++j) {
        sorted.push_back(values[order[j]]);
        for (size_t i = 0; i < m; ++i) vectors[i * m + j] = V[i * m + order[j]];
    }
    return nb::make_tuple(array(std::move(sorted)), array(std::move(vectors), {m, m}));
}

inline nb::tuple pack(nw::GlmmPath&& path) {
    nw::GlmmPoint& point = path.point;
    const size_t m = point.psi.size();
    const bool told = std::all_of(path.hessian.begin(), path.hessian.end(), [](double v) { return std::isfinite(v); });
    nb::object eigen = told ? nb::object(spectrum(path.hessian, m)) : nb::none();
    return nb::make_tuple(array(std::move(point.psi)), point.value, array(std::move(point.gradient)),
                          array(std::move(path.hessian), {m, m}), array(std::move(point.u)),
                          array(std::move(point.eta)), point.ldL2, point.n_steps, path.decrease,
                          path.evaluations, static_cast<int>(path.stopped), eigen);
}

}  // namespace nwpy
