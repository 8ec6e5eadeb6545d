#include "glmm_bindings.hpp"
#include "intercept.hpp"
#include "lanes.hpp"

namespace nwpy {
namespace {

using nw::InterceptRows;
using nw::InterceptSums;
using nw::kLanes;
using nw::QuadratureRule;

// Counting sort of the rows by level, each level filled up to whole lanes.
void place_rows(InterceptRows& rows, const std::int32_t* codes) {
    rows.counts.assign(rows.l, 0);
    for (i64 i = 0; i < rows.n; ++i) {
        if (codes[i] < 0 || codes[i] >= rows.l) throw nb::value_error("a code is not a level");
        ++rows.counts[codes[i]];
    }
    rows.starts.assign(rows.l + 1, 0);
    for (int i = 0; i < rows.l; ++i)
        rows.starts[i + 1] = rows.starts[i] + (rows.counts[i] + kLanes - 1) / kLanes * kLanes;
    rows.size = rows.starts[rows.l];
    rows.row.assign(rows.size, -1);
    std::vector<i64> next(rows.starts.begin(), rows.starts.end() - 1);
    for (i64 i = 0; i < rows.n; ++i) rows.row[next[codes[i]]++] = i;
}

// The caller's values at their places, zero where there is no row.
template <class Value>
void put(const InterceptRows& rows, double* out, Value value) {
    for (int i = 0; i < rows.l; ++i) {
        const i64 first = rows.starts[i], end = first + rows.counts[i];
        for (i64 at = first; at < end; ++at) out[at] = value(rows.row[at]);
        for (i64 at = end; at < rows.starts[i + 1]; ++at) out[at] = 0.0;
    }
}

void fill_rows(InterceptRows& rows, Vector y, Vector weights, Vector offset, Matrix X, Vector center,
               Vector scale) {
    const double *own_y = y.data(), *w = weights.data(), *known = offset.data();
    const bool logit = rows.family == nw::RowFamily::binomial_logit;
    for (auto* v : {&rows.success, &rows.failure, &rows.offset}) v->resize(rows.size);
    rows.X.resize(rows.size * rows.p);
    put(rows, rows.success.data(), [=](i64 r) { return w[r] * own_y[r]; });
    put(rows, rows.failure.data(), [=](i64 r) { return logit ? w[r] * (1.0 - own_y[r]) : w[r]; });
    put(rows, rows.offset.data(), [=](i64 r) { return known[r]; });
    for (int c = 0; c < rows.p; ++c) {
        const double *x = X.data() + c * rows.n, middle = center.data()[c], unit = scale.data()[c];
        put(rows, &rows.X[c * rows.size], [=](i64 r) { return (x[r] - middle) / unit; });
        const bool one = middle == 0.0 && unit == 1.0;
        if (one && std::all_of(x, x + rows.n, [](double v) { return v == 1.0; })) rows.ones = c;
    }
    rows.plain = std::all_of(w, w + rows.n, [](double v) { return v == 1.0; });
}

std::unique_ptr<InterceptRows> build(int family, Vector y, Vector weights, Codes codes, int n_levels,
                                     Vector offset, Matrix X, Vector center, Vector scale) {
    auto rows = std::make_unique<InterceptRows>();
    const size_t n = y.shape(0), p = X.shape(1);
    if (weights.shape(0) != n || codes.shape(0) != n || offset.shape(0) != n || X.shape(0) != n ||
        center.shape(0) != p || scale.shape(0) != p)
        throw nb::value_error("an array does not have the shape of the model");
    rows->n = static_cast<i64>(n);
    rows->l = n_levels;
    rows->p = static_cast<int>(p);
    rows->family = static_cast<nw::RowFamily>(family);
    place_rows(*rows, codes.data());
    fill_rows(*rows, y, weights, offset, X, center, scale);
    return rows;
}

nb::tuple evaluate(const InterceptRows& rows, double lambda, Vector beta, Vector u, Vector nodes,
                   Vector log_weights, int order, double part) {
    const size_t l = rows.l, p = rows.p;
    if (beta.shape(0) != p || u.shape(0) != l || log_weights.shape(0) != nodes.shape(0))
        throw nb::value_error("an array does not have the shape of the model");
    const QuadratureRule rule{static_cast<int>(nodes.shape(0)), nodes.data(), log_weights.data()};
    InterceptSums sums;
    std::vector<double> eta;
    {
        nb::gil_scoped_release release;
        sums = intercept_quadrature(rows, lambda, beta.data(), u.data(), rule, order, {part});
        if (part >= 1.0) eta = intercept_predictors(rows, lambda, beta.data(), sums.u.data());
    }
    const size_t square = sums.hessian.empty() ? 0 : 1 + p, all = sums.slopes.empty() ? 0 : l;
    return nb::make_tuple(sums.loglik, sums.log_det, sums.found, sums.n_steps, array(std::move(sums.u)),
                          array(std::move(eta)), array(std::move(sums.gradient)),
                          array(std::move(sums.hessian), {square, square}),
                          array(std::move(sums.slopes), {all, 1 + p}));
}

// The criterion with its derivatives as the outer optimiser asks for it: psi = (lambda, beta).
struct InterceptCriterion {
    const InterceptRows& rows;
    const QuadratureRule rule;
    const double constant;

    nw::GlmmPoint operator()(const std::vector<double>& psi, const std::vector<double>& u) const {
        listen();
        InterceptSums sums = intercept_quadrature(rows, psi[0], &psi[1], u.data(), rule, 2);
        nw::GlmmPoint out;
        out.psi = psi;
        out.u = std::move(sums.u);
        out.n_steps = sums.n_steps;
        const double value = -2.0 * (sums.loglik + constant);
        if (!sums.found || !std::isfinite(value)) return out;
        out.value = value;
        out.ldL2 = 2.0 * sums.log_det;
        out.gradient = std::move(sums.gradient);
        out.hessian = std::move(sums.hessian);
        out.slopes = std::move(sums.slopes);
        for (auto* v : {&out.gradient, &out.hessian})
            for (double& x : *v) x *= -2.0;
        return out;
    }
};

nb::tuple descend(const InterceptRows& rows, Vector psi, Vector u, Vector nodes, Vector log_weights,
                  double constant, double near, double tolerance, int evaluations, bool exact) {
    const size_t size = 1 + static_cast<size_t>(rows.p);
    if (psi.shape(0) != size || u.shape(0) != static_cast<size_t>(rows.l) ||
        log_weights.shape(0) != nodes.shape(0))
        throw nb::value_error("an array does not have the shape of the model");
    const QuadratureRule rule{static_cast<int>(nodes.shape(0)), nodes.data(), log_weights.data()};
    const InterceptCriterion criterion{rows, rule, constant};
    nw::GlmmPath path;
    {
        nb::gil_scoped_release release;
        path = nw::descend_glmm(criterion, copied(psi), copied(u), std::vector<double>(size * size, 0.0),
                                {near, tolerance, evaluations, exact});
        const nw::GlmmPoint& end = path.point;
        path.point.eta = intercept_predictors(rows, end.psi[0], &end.psi[1], end.u.data());
    }
    return pack(std::move(path));
}

// The arithmetic in lanes, for its test: exp(x), log(1 + |x|) in two ways.
nb::tuple lane_functions(Vector x) {
    const size_t n = x.shape(0), whole = (n + kLanes - 1) / kLanes * kLanes;
    std::vector<double> own(x.data(), x.data() + n), exponential(whole), logarithm(whole), beside(whole);
    own.resize(whole, 0.0);
    for (size_t i = 0; i < whole; i += kLanes) {
        const nw::Lane v = nw::load(&own[i]), size = nw::larger(v, -v);
        nw::store(&exponential[i], nw::lane_exp(v));
        nw::store(&logarithm[i], nw::lane_log(1.0 + size));
        nw::store(&beside[i], nw::lane_log1p(size));
    }
    for (auto* out : {&exponential, &logarithm, &beside}) out->resize(n);
    return nb::make_tuple(array(std::move(exponential)), array(std::move(logarithm)), array(std::move(beside)));
}

}  // namespace

void bind_intercept(nb::module_& m) {
    nb::class_<InterceptRows>(m, "InterceptRows")
        .def("evaluate", &evaluate, nb::arg("lambda_"), nb::arg("beta"), nb::arg("u"),
             nb::arg("nodes"), nb::arg("log_weights"), nb::arg("order"), nb::arg("part"))
        .def("descend", &descend, nb::arg("psi"), nb::arg("u"), nb::arg("nodes"),
             nb::arg("log_weights"), nb::arg("constant"), nb::arg("near"), nb::arg("tolerance"),
             nb::arg("evaluations"), nb::arg("exact"));
    m.def("intercept_rows", &build, nb::arg("family"), nb::arg("y"), nb::arg("weights"),
          nb::arg("codes"), nb::arg("n_levels"), nb::arg("offset"), nb::arg("X"), nb::arg("center"),
          nb::arg("scale"));
    m.def("lane_functions", &lane_functions, nb::arg("x"));
}

}  // namespace nwpy
