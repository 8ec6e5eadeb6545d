// Python bindings: arrays in, tuples of arrays out, factors in the caller's order.
#include <cmath>

#include "basis.hpp"
#include "bindings.hpp"
#include "curvature.hpp"
#include "differences.hpp"
#include "elimination.hpp"
#include "gradient.hpp"
#include "information.hpp"
#include "interrupt.hpp"
#include "kenward.hpp"
#include "lapack.hpp"
#include "moments.hpp"
#include "newton.hpp"
#include "probes.hpp"
#include "small.hpp"
#include "start.hpp"
#include "substitution.hpp"
#include "tail.hpp"
#include "trust.hpp"

namespace nb = nanobind;
using namespace nwpy;

namespace {

std::unique_ptr<CrossProducts> build(Vector y, Matrix X, Vector x_center, Vector x_scale,
                                     std::optional<Vector> weights, std::vector<Codes> codes,
                                     std::vector<int> n_levels, std::vector<Columns> columns,
                                     std::vector<Vector> scales, int solver, double memory) {
    nw::Rows rows;
    rows.n = static_cast<i64>(y.shape(0));
    rows.p = static_cast<int>(X.shape(1));
    rows.y = y.data();
    rows.X = X.data();
    rows.weights = weights ? weights->data() : nullptr;
    for (int j = 0; j < rows.p; ++j) {
        rows.x_center.push_back(x_center.data()[j]);
        rows.x_inverse_scale.push_back(1.0 / x_scale.data()[j]);
    }
    rows.factors = factor_rows(codes, n_levels, columns, scales);
    nb::gil_scoped_release release;
    return nw::cross_products(rows, solver, memory);
}

nb::tuple make_basis(Vector y, Matrix X, int intercept) {
    const auto n = static_cast<i64>(y.shape(0));
    const auto p = static_cast<int>(X.shape(1));
    if (static_cast<i64>(X.shape(0)) != n || intercept >= p)
        throw nb::value_error("X does not have the rows of y, or no such column");
    nw::Basis out;
    {
        nb::gil_scoped_release release;
        out = nw::make_basis(y.data(), X.data(), n, p, intercept);
    }
    return nb::make_tuple(array(std::move(out.center)), array(std::move(out.scale)),
                          array(std::move(out.shift)), array(std::move(out.residual)));
}

std::vector<double> modes(const CrossProducts& cp, const Workspace& w) {
    std::vector<double> out;
    for (size_t f : positions(cp)) {
        const auto& g = cp.factors[f];
        out.insert(out.end(), w.u.begin() + g.offset, w.u.begin() + g.offset + static_cast<i64>(g.m) * g.k);
    }
    return out;
}

std::vector<double> lower_rx(const CrossProducts& cp, const Workspace& w) {
    const i64 p = cp.p, Q = cp.tail;
    std::vector<double> out(static_cast<size_t>(p * p), 0.0);
    for (i64 i = 0; i < p; ++i)
        for (i64 j = 0; j <= i; ++j) out[i * p + j] = w.S[nw::tail_at(cp, Q + i, Q + j)];
    return out;
}

// What an evaluation hands to Python: `KernelResult` of core/kernel.py, field by field.
struct Result {
    nw::Determinants det{};
    Faces faces;
    std::vector<double> beta, rx, u, gram;
};

Result modes_of(const CrossProducts& cp, const nw::Determinants& det, const Workspace& w) {
    return {det, {}, w.beta, lower_rx(cp, w), modes(cp, w), {}};
}

nb::tuple pack(const CrossProducts& cp, const std::vector<Entry>& free, Result&& r) {
    const size_t m = free.size(), p = static_cast<size_t>(cp.p);
    std::vector<double> logdet, pwrss, score;
    if (!r.faces.score.empty()) {
        logdet = pick(cp, free, r.faces.logdet, 2.0);
        pwrss = pick(cp, free, r.faces.score, -2.0);
        score = pick(cp, free, r.faces.score, 2.0);
    }
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const bool ok = r.det.positive;
    const size_t g = r.gram.empty() ? 0 : m, x = r.rx.empty() ? 0 : p;
    return nb::make_tuple(ok ? r.det.ldL2 : nan, ok ? r.det.ldRX2 : nan, ok ? r.det.pwrss : nan,
                          array(std::move(r.beta)), array(std::move(r.rx), {x, x}),
                          array(std::move(r.u)), array(std::move(logdet)), array(std::move(pwrss)),
                          array(std::move(r.gram), {g, g}), array(std::move(score)),
                          array(concatenate(cp, r.faces.inverse)),
                          array(concatenate(cp, r.faces.residual)));
}

nb::tuple evaluate(const CrossProducts& cp, Vector lambdas, Table entries, bool reml, int order) {
    const Lambdas lambda = unpack(cp, lambdas);
    const std::vector<Entry> free = unpack(cp, entries);
    const size_t m = free.size();
    Result r;
    if (order >= 2) r.gram.resize(m * m);
    {
        nb::gil_scoped_release release;
        Borrowed w(cp);
        r.det = nw::eliminate(cp, lambda, *w);
        if (r.det.positive) {
            nw::solve_modes(cp, lambda, *w);
            std::vector<double> gram = std::move(r.gram);
            r = modes_of(cp, r.det, *w);
            if (order >= 1) {
                nw::selected_inverse(cp, lambda, reml, *w, r.faces, nullptr);
                nw::score_sums(cp, *w, r.faces);
            }
            if (order >= 2) nw::average_information(cp, lambda, free, *w, gram.data());
            r.gram = std::move(gram);
        }
    }
    return pack(cp, free, std::move(r));
}

// Second derivatives by the free entries, from differences of gradients.
nb::object gradient_differences(const CrossProducts& cp, Vector lambdas, Table entries, bool reml, double precision,
                                Vector steps, std::optional<Vector> base) {
    const Lambdas lambda = unpack(cp, lambdas);
    const std::vector<Entry> free = unpack(cp, entries);
    const size_t m = free.size();
    if (steps.shape(0) != m || (base && base->shape(0) != m))
        throw nb::value_error("steps and base do not have a value for each entry");
    std::vector<double> out(m * m);
    {
        nb::gil_scoped_release release;
        Borrowed w(cp);
        nw::gradient_differences(cp, lambda, free, reml, precision, steps.data(), base ? base->data() : nullptr, *w,
                                 out.data());
    }
    return array(std::move(out), {m, m});
}

// Smallest eigenvalue, at unit diagonal, of H after its last parameter is profiled out; diagonals
// below `least` times the largest, or `least`^2 times the last of H, are taken for that.
double least_curvature(RowMajor H, double least) {
    const size_t c = H.shape(0);
    if (c < 2 || H.shape(1) != c) throw nb::value_error("the matrix is not square, or has no parameter");
    const size_t m = c - 1;
    std::vector<double> A(m * m), size(m), values, vectors;
    double largest = least * std::fabs(H.data()[m * c + m]);
    for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < m; ++j)
            A[i * m + j] = H.data()[i * c + j] - H.data()[i * c + m] * H.data()[m * c + j] / H.data()[m * c + m];
    for (size_t i = 0; i < m; ++i) largest = std::max(largest, std::fabs(A[i * m + i]));
    for (size_t i = 0; i < m; ++i) size[i] = std::sqrt(std::max({std::fabs(A[i * m + i]), least * largest, 1e-300}));
    for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < m; ++j) A[i * m + j] /= size[i] * size[j];
    nw::symmetric_eigen(std::move(A), static_cast<int>(m), values, vectors);
    return *std::min_element(values.begin(), values.end());
}

nb::object vcov_forms(const CrossProducts& cp, Vector lambdas, Table entries) {
    const Lambdas lambda = unpack(cp, lambdas);
    const std::vector<Entry> free = unpack(cp, entries);
    const size_t m = free.size(), p = static_cast<size_t>(cp.p);
    std::vector<double> out(m * p * p, std::numeric_limits<double>::quiet_NaN());
    {
        nb::gil_scoped_release release;
        Borrowed w(cp);
        if (nw::eliminate(cp, lambda, *w).positive)
            nw::covariance_forms(cp, lambda, free, *w, out.data());
    }
    return array(std::move(out), {m, p, p});
}

nb::tuple kenward_roger(const CrossProducts& cp, Vector lambdas, Table entries, bool traces) {
    const Lambdas lambda = unpack(cp, lambdas);
    const std::vector<Entry> free = unpack(cp, entries);
    const size_t m = free.size(), c = static_cast<size_t>(cp.p) * (m + 1);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> first(m, nan), second(m * m, nan), plain(c * c, nan), weighted(c * c, nan);
    {
        nb::gil_scoped_release release;
        Borrowed w(cp);
        if (nw::eliminate(cp, lambda, *w).positive) {
            if (traces) nw::covariance_curvature(cp, lambda, free, *w, first.data(), second.data());
            nw::kenward_gram(cp, lambda, free, *w, plain.data(), weighted.data());
        }
    }
    return nb::make_tuple(array(std::move(first)), array(std::move(second), {m, m}),
                          array(std::move(plain), {c, c}), array(std::move(weighted), {c, c}));
}

nb::object conditional_faces(const CrossProducts& cp, Vector lambdas) {
    const Lambdas lambda = unpack(cp, lambdas);
    std::vector<i64> start(cp.factors.size() + 1, 0);
    for (size_t f = 0; f < cp.factors.size(); ++f)
        start[f + 1] = start[f] + static_cast<i64>(cp.factors[f].m) * cp.factors[f].k * cp.factors[f].k;
    std::vector<double> all(static_cast<size_t>(start.back()), std::numeric_limits<double>::quiet_NaN());
    {
        nb::gil_scoped_release release;
        Borrowed w(cp);
        Faces faces;
        if (nw::eliminate(cp, lambda, *w).positive)
            nw::selected_inverse(cp, lambda, false, *w, faces, all.data());
    }
    std::vector<double> out;
    for (size_t f : positions(cp))
        out.insert(out.end(), all.begin() + start[f], all.begin() + start[f + 1]);
    return array(std::move(out));
}

nb::object solve(const CrossProducts& cp, Vector lambdas, RowMajor rhs) {
    const Lambdas lambda = unpack(cp, lambdas);
    const i64 q = cp.q, p = cp.p;
    if (static_cast<i64>(rhs.shape(0)) != q + p)
        throw nb::value_error("the right-hand sides do not have q + p rows");
    const int m = static_cast<int>(rhs.shape(1));
    std::vector<double> R(static_cast<size_t>(q) * m), out(static_cast<size_t>(q + p) * m);
    {
        nb::gil_scoped_release release;
        Borrowed w(cp);
        if (nw::eliminate(cp, lambda, *w).positive) {
            i64 at = 0;
            for (size_t f : positions(cp)) {
                const auto& g = cp.factors[f];
                const i64 size = static_cast<i64>(g.m) * g.k;
                std::copy_n(rhs.data() + at * m, size * m, R.begin() + g.offset * m);
                at += size;
            }
            w->R_tail.assign(static_cast<size_t>(cp.tail + p) * m, 0.0);
            std::copy_n(rhs.data() + q * m, p * m, w->R_tail.begin() + static_cast<i64>(cp.tail) * m);
            nw::solve_equations(cp, m, true, R.data(), *w);
            at = 0;
            for (size_t f : positions(cp)) {
                const auto& g = cp.factors[f];
                const i64 size = static_cast<i64>(g.m) * g.k;
                std::copy_n(R.begin() + g.offset * m, size * m, out.begin() + at * m);
                at += size;
            }
            std::copy_n(w->R_tail.begin() + static_cast<i64>(cp.tail) * m, p * m, out.begin() + q * m);
        } else {
            std::fill(out.begin(), out.end(), std::numeric_limits<double>::quiet_NaN());
        }
    }
    return array(std::move(out), {static_cast<size_t>(q + p), static_cast<size_t>(m)});
}

nb::object row_forms(const CrossProducts& cp, Vector lambdas, std::vector<Codes> levels,
                     std::vector<RowMajor> values, RowMajor X) {
    const Lambdas lambda = unpack(cp, lambdas);
    nw::SparseRows rows;
    rows.n = static_cast<i64>(X.shape(0));
    rows.X = X.data();
    rows.level.resize(cp.factors.size());
    rows.value.resize(cp.factors.size());
    if (levels.size() != cp.factors.size() || values.size() != cp.factors.size() ||
        static_cast<i64>(X.shape(1)) != cp.p)
        throw nb::value_error("the rows do not have the factors and columns of the model");
    for (size_t f = 0; f < cp.factors.size(); ++f) {
        const auto& g = cp.factors[f];
        const auto input = static_cast<size_t>(g.input);
        if (static_cast<i64>(levels[input].shape(0)) != rows.n ||
            static_cast<i64>(values[input].shape(0)) != rows.n ||
            static_cast<int>(values[input].shape(1)) != g.k)
            throw nb::value_error("the rows of a factor have the wrong shape");
        rows.level[f] = levels[input].data();
        rows.value[f] = values[input].data();
        for (i64 r = 0; r < rows.n; ++r)
            if (rows.level[f][r] >= g.m) throw nb::value_error("a row has a level that does not exist");
    }
    std::vector<double> out(static_cast<size_t>(rows.n), std::numeric_limits<double>::quiet_NaN());
    {
        nb::gil_scoped_release release;
        Borrowed w(cp);
        if (nw::eliminate(cp, lambda, *w).positive) nw::row_forms(cp, rows, *w, out.data());
    }
    return array(std::move(out));
}

// The logdet part of a gradient estimated from probes; the probes (q x m, caller's factor order),
// and for each factor its first column and whether its columns are complete.
nb::tuple estimated_gradient(const CrossProducts& cp, Vector lambdas, Table entries, bool reml,
                             int signs, int complete) {
    const Lambdas lambda = unpack(cp, lambdas);
    const std::vector<Entry> free = unpack(cp, entries);
    const nw::Probes probes = nw::make_probes(cp, signs, complete);
    Faces faces;
    {
        nb::gil_scoped_release release;
        Borrowed w(cp);
        if (!nw::eliminate(cp, lambda, *w).positive) throw nb::value_error("not positive definite");
        nw::average(probes, nw::estimated_faces(cp, lambda, reml, probes, *w), faces);
    }
    std::vector<double> ordered;
    nb::list first, exact;
    for (size_t f : positions(cp)) {
        const auto& g = cp.factors[f];
        const auto from = probes.z.begin() + g.offset * probes.m;
        ordered.insert(ordered.end(), from, from + static_cast<i64>(g.m) * g.k * probes.m);
        first.append(probes.first[f]);
        exact.append(static_cast<bool>(probes.complete[f]));
    }
    return nb::make_tuple(array(pick(cp, free, faces.logdet, 2.0)),
                          array(std::move(ordered), {static_cast<size_t>(cp.q), static_cast<size_t>(probes.m)}),
                          first, exact);
}

nb::tuple moments(const CrossProducts& cp, Table entries) {
    const std::vector<Entry> free = unpack(cp, entries);
    const size_t c = free.size() + 1;
    std::vector<double> gram(c * c), quadratic(c);
    {
        nb::gil_scoped_release release;
        nw::component_moments(cp, free, gram.data(), quadratic.data());
    }
    return nb::make_tuple(array(std::move(gram), {c, c}), array(std::move(quadratic)));
}

double smallest_eigenvalue(RowMajor A) {
    const size_t m = A.shape(0);
    if (m == 0 || A.shape(1) != m) throw nb::value_error("the matrix is not square");
    std::vector<double> values, vectors;
    nw::symmetric_eigen(std::vector<double>(A.data(), A.data() + m * m), static_cast<int>(m), values,
                        vectors);
    return *std::min_element(values.begin(), values.end());
}

nb::object invert_lower(RowMajor L) {
    const size_t m = L.shape(0);
    if (L.shape(1) != m) throw nb::value_error("the matrix is not square");
    std::vector<double> out(m * m, 0.0);
    for (size_t i = 0; i < m; ++i) out[i * m + i] = 1.0;
    const int k = static_cast<int>(m);
    nw::solve_lower<0>(L.data(), k, out.data(), k, k);
    return array(std::move(out), {m, m});
}

nb::object moment_start(RowMajor gram, Vector quadratic, double n, Table entries,
                        std::vector<int> widths) {
    const size_t m = entries.shape(0), c = m + 1;
    if (gram.shape(0) != c || gram.shape(1) != c || quadratic.shape(0) != c)
        throw nb::value_error("the moments do not have the size of the entries");
    std::vector<Entry> free;
    for (size_t i = 0; i < m; ++i) {
        const std::int32_t* e = entries.data() + 3 * i;
        if (e[0] < 0 || static_cast<size_t>(e[0]) >= widths.size() || e[1] < 0 || e[2] < 0 ||
            e[1] >= widths[e[0]] || e[2] >= widths[e[0]])
            throw nb::value_error("an entry is outside the Lambda of its factor");
        free.push_back({e[0], e[1], e[2]});
    }
    return array(nw::moment_start(std::vector<double>(gram.data(), gram.data() + c * c),
                                  std::vector<double>(quadratic.data(), quadratic.data() + c), n,
                                  free, widths));
}

// The response's statistics in the caller's factor order, brought into elimination order.
std::unique_ptr<CrossProducts> with_response(const CrossProducts& cp, Vector zy, Vector xy, double yy) {
    if (static_cast<i64>(zy.shape(0)) != cp.q || static_cast<i64>(xy.shape(0)) != cp.p)
        throw nb::value_error("Z'Wy or X'Wy has the wrong length");
    std::vector<double> ordered(static_cast<size_t>(cp.q));
    i64 at = 0;
    for (size_t f : positions(cp)) {
        const i64 size = static_cast<i64>(cp.factors[f].m) * cp.factors[f].k;
        std::copy_n(zy.data() + at, size, ordered.begin() + cp.factors[f].offset);
        at += size;
    }
    return cp.with_response(ordered.data(), xy.data(), yy);
}

nb::tuple minimise(const CrossProducts& cp, Vector par, Table entries, bool reml, double tolerance,
                   int max_evaluations) {
    const std::vector<Entry> free = unpack(cp, entries);
    if (par.shape(0) != free.size()) throw nb::value_error("par has the wrong length");
    nw::Optimum best;
    std::vector<double> beta;
    {
        nb::gil_scoped_release release;
        Borrowed w(cp);
        best = nw::minimise(cp, free, std::vector<double>(par.data(), par.data() + free.size()), nw::profiled(reml),
                            tolerance, max_evaluations, *w);
        beta = w->beta;
    }
    return nb::make_tuple(array(std::move(best.par)), best.criterion, best.ldL2, best.ldRX2, best.pwrss,
                          array(std::move(beta)), best.decrease, best.evaluations, best.finite);
}

nb::tuple descend(const CrossProducts& cp, Vector par, Table entries, bool reml, double tolerance,
                  int max_evaluations, int patience, double leave, int probes) {
    const std::vector<Entry> free = unpack(cp, entries);
    const size_t m = free.size();
    if (par.shape(0) != m) throw nb::value_error("par has the wrong length");
    nw::Path path;
    Result r;
    {
        nb::gil_scoped_release release;
        Borrowed w(cp);
        path = nw::descend(cp, free, std::vector<double>(par.data(), par.data() + m), nw::profiled(reml),
                           {tolerance, max_evaluations, patience, leave, probes}, *w);
        if (path.stopped != nw::Stopped::degenerate) r = modes_of(cp, path.point.det, *w);
    }
    nw::Point& best = path.point;
    r.faces = std::move(best.faces);
    r.gram = std::move(best.gram);
    const size_t g = best.gradient.size();
    return nb::make_tuple(array(std::move(best.par)), array(std::move(best.gradient)),
                          array(std::move(best.hessian), {g, g}), path.decrease, path.evaluations,
                          static_cast<int>(path.stopped), pack(cp, free, std::move(r)));
}

}  // namespace

NB_MODULE(_kernels, m) {
    m.doc() = "Compiled kernels of nestwise.";
    nw::load_lapack();
    nw::listener() = [] {
        const nb::gil_scoped_acquire hold;
        if (PyErr_CheckSignals()) throw nb::python_error();
    };
    nb::class_<CrossProducts>(m, "CrossProducts")
        .def_ro("n", &CrossProducts::n)
        .def_ro("p", &CrossProducts::p)
        .def_ro("n_chain", &CrossProducts::n_chain)
        .def_ro("tail", &CrossProducts::tail)
        .def_prop_ro("sparse_values",
                     [](const CrossProducts& cp) { return cp.sparse ? cp.sparse->values() : 0; })
        .def_prop_ro("work", &nw::tail_work)
        .def_prop_ro("pair_values",
                     [](const CrossProducts& cp) {
                         size_t count = 0;
                         for (const auto& row : cp.pairs)
                             for (const nw::Pairs& pairs : row) count += pairs.value.size();
                         return count;
                     })
        .def("evaluate", &evaluate, nb::arg("lambdas"), nb::arg("entries"), nb::arg("reml"),
             nb::arg("order"))
        .def("gradient_differences", &gradient_differences, nb::arg("lambdas"), nb::arg("entries"),
             nb::arg("reml"), nb::arg("precision"), nb::arg("steps"), nb::arg("base").none())
        .def("solve", &solve, nb::arg("lambdas"), nb::arg("rhs"))
        .def("row_forms", &row_forms, nb::arg("lambdas"), nb::arg("levels"), nb::arg("values"),
             nb::arg("X"))
        .def("with_response", &with_response, nb::arg("zy"), nb::arg("xy"), nb::arg("yy"))
        .def("minimise", &minimise, nb::arg("par"), nb::arg("entries"), nb::arg("reml"),
             nb::arg("tolerance"), nb::arg("max_evaluations"))
        .def("descend", &descend, nb::arg("par"), nb::arg("entries"), nb::arg("reml"),
             nb::arg("tolerance"), nb::arg("max_evaluations"), nb::arg("patience"), nb::arg("leave"),
             nb::arg("probes"))
        .def("estimated_gradient", &estimated_gradient, nb::arg("lambdas"), nb::arg("entries"),
             nb::arg("reml"), nb::arg("signs"), nb::arg("complete"))
        .def("moments", &moments, nb::arg("entries"))
        .def("vcov_forms", &vcov_forms, nb::arg("lambdas"), nb::arg("entries"))
        .def("kenward_roger", &kenward_roger, nb::arg("lambdas"), nb::arg("entries"),
             nb::arg("traces"))
        .def("conditional_faces", &conditional_faces, nb::arg("lambdas"));
    m.def("make_basis", &make_basis, nb::arg("y"), nb::arg("X"), nb::arg("intercept"));
    m.def("smallest_eigenvalue", &smallest_eigenvalue, nb::arg("A"));
    m.def("least_curvature", &least_curvature, nb::arg("H"), nb::arg("least"));
    m.def("invert_lower", &invert_lower, nb::arg("L"));
    m.def("moment_start", &moment_start, nb::arg("gram"), nb::arg("quadratic"), nb::arg("n"),
          nb::arg("entries"), nb::arg("widths"));
    m.def("cross_products", &build, nb::arg("y"), nb::arg("X"), nb::arg("x_center"),
          nb::arg("x_scale"), nb::arg("weights").none(), nb::arg("codes"), nb::arg("n_levels"),
          nb::arg("columns"), nb::arg("scales"), nb::arg("solver"), nb::arg("memory"));
    bind_glmm(m);
    bind_glmm_begin(m);
    bind_quadrature(m);
    bind_intercept(m);
    bind_structured(m);
    bind_chain(m);
    bind_sparse(m);
}
