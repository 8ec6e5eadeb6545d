#include <cmath>

#include "glmm_bindings.hpp"
#include "quadrature.hpp"

namespace nwpy {
namespace {

using nw::LevelRows;
using nw::QuadratureRule;
using nw::QuadratureSums;

// Counting sort of the rows by level; the order within a level is kept.
void sort_rows(LevelRows& rows, const std::int32_t* codes) {
    rows.starts.assign(rows.l + 1, 0);
    for (i64 i = 0; i < rows.n; ++i) {
        if (codes[i] < 0 || codes[i] >= rows.l) throw nb::value_error("a code is not a level");
        ++rows.starts[codes[i] + 1];
    }
    for (int i = 0; i < rows.l; ++i) rows.starts[i + 1] += rows.starts[i];
    std::vector<i64> next(rows.starts.begin(), rows.starts.end() - 1);
    rows.order.resize(rows.n);
    for (i64 i = 0; i < rows.n; ++i) rows.order[next[codes[i]]++] = i;
}

std::unique_ptr<LevelRows> build(int family, Vector y, Vector weights, Codes codes, int n_levels,
                                 Columns columns, Vector scale) {
    auto rows = std::make_unique<LevelRows>();
    rows->n = static_cast<i64>(y.shape(0));
    rows->l = n_levels;
    rows->k = static_cast<int>(columns.size());
    rows->family = static_cast<nw::RowFamily>(family);
    sort_rows(*rows, codes.data());
    rows->y.resize(rows->n);
    rows->w.resize(rows->n);
    rows->Z.resize(rows->n * rows->k);
    for (i64 at = 0; at < rows->n; ++at) {
        const i64 row = rows->order[at];
        rows->y[at] = y.data()[row];
        rows->w[at] = weights.data()[row];
        for (int j = 0; j < rows->k; ++j)
            rows->Z[at * rows->k + j] = (columns[j] ? columns[j]->data()[row] : 1.0) / scale.data()[j];
    }
    rows->plain = std::all_of(rows->w.begin(), rows->w.end(), [](double w) { return w == 1.0; });
    return rows;
}

nb::tuple evaluate(const LevelRows& rows, Vector lambda, Vector fixed, Vector u, RowMajor nodes,
                   Vector log_weights, int order) {
    const size_t k = rows.k, l = rows.l;
    if (lambda.shape(0) != k * k || fixed.shape(0) != static_cast<size_t>(rows.n) || u.shape(0) != l * k ||
        nodes.shape(1) != k || log_weights.shape(0) != nodes.shape(0))
        throw nb::value_error("an array does not have the shape of the model");
    const QuadratureRule rule{static_cast<int>(nodes.shape(0)), nodes.data(), log_weights.data()};
    QuadratureSums sums;
    {
        nb::gil_scoped_release release;
        sums = quadrature(rows, lambda.data(), fixed.data(), u.data(), rule, order);
    }
    const size_t all = sums.eta.size(), n = sums.by_predictor.size(), square = sums.by_lambda.empty() ? 0 : k;
    return nb::make_tuple(sums.loglik, sums.log_det, sums.found, sums.n_steps,
                          array(std::move(sums.u), {l * k}), array(std::move(sums.eta), {all}),
                          array(std::move(sums.by_predictor), {n}),
                          array(std::move(sums.by_lambda), {square, square}));
}

// The criterion with its gradient as the outer optimiser asks for it: psi = (par, beta).
struct LevelCriterion {
    const LevelRows& rows;
    const nw::FixedPart fixed;
    const QuadratureRule rule;
    const std::vector<std::pair<int, int>> entries;
    const double constant;

    nw::GlmmPoint operator()(const std::vector<double>& psi, const std::vector<double>& u) const {
        listen();
        const size_t m = entries.size();
        std::vector<double> lambda(static_cast<size_t>(rows.k * rows.k), 0.0);
        for (size_t i = 0; i < m; ++i) lambda[entries[i].first * rows.k + entries[i].second] = psi[i];
        const std::vector<double> base = fixed.predictor(&psi[m]);
        QuadratureSums sums = quadrature(rows, lambda.data(), base.data(), u.data(), rule, 1);
        nw::GlmmPoint out;
        out.psi = psi;
        out.u = std::move(sums.u);
        out.eta = std::move(sums.eta);
        out.n_steps = sums.n_steps;
        const double value = -2.0 * (sums.loglik + constant);
        if (!sums.found || !std::isfinite(value)) return out;
        out.value = value;
        out.ldL2 = 2.0 * sums.log_det;
        for (const auto& [row, column] : entries)
            out.gradient.push_back(-2.0 * sums.by_lambda[row * rows.k + column]);
        for (double slope : fixed.transposed(sums.by_predictor)) out.gradient.push_back(-2.0 * slope);
        return out;
    }
};

std::vector<std::pair<int, int>> places(const Table& entries, int k) {
    std::vector<std::pair<int, int>> out;
    for (size_t i = 0; i < entries.shape(0); ++i) {
        const std::int32_t* e = entries.data() + 3 * i;
        if (e[0] != 0 || e[1] < 0 || e[2] < 0 || e[1] >= k || e[2] >= k)
            throw nb::value_error("an entry is outside Lambda");
        out.emplace_back(e[1], e[2]);
    }
    return out;
}

nb::tuple descend(const LevelRows& rows, Vector psi, Vector u, RowMajor hessian, Table entries, Matrix X,
                  Vector center, Vector scale, Vector offset, Places order, RowMajor nodes,
                  Vector log_weights, double constant, double near, double tolerance, int evaluations,
                  bool exact) {
    const size_t size = psi.shape(0), k = rows.k;
    const FixedArrays fixed{X, center, scale, offset, order};
    if (size != entries.shape(0) + X.shape(1) || hessian.shape(0) != size || hessian.shape(1) != size ||
        u.shape(0) != rows.l * k || nodes.shape(1) != k || log_weights.shape(0) != nodes.shape(0))
        throw nb::value_error("an array does not have the shape of the model");
    const QuadratureRule rule{static_cast<int>(nodes.shape(0)), nodes.data(), log_weights.data()};
    const LevelCriterion criterion{rows, fixed.view(rows.n), rule, places(entries, rows.k), constant};
    nw::GlmmPath path;
    {
        nb::gil_scoped_release release;
        path = nw::descend_glmm(criterion, copied(psi), copied(u),
                                {hessian.data(), hessian.data() + size * size},
                                {near, tolerance, evaluations, exact});
    }
    return pack(std::move(path));
}

}  // namespace

void bind_quadrature(nb::module_& m) {
    nb::class_<LevelRows>(m, "LevelRows")
        .def("evaluate", &evaluate, nb::arg("lambdas"), nb::arg("fixed"), nb::arg("u"),
             nb::arg("nodes"), nb::arg("log_weights"), nb::arg("order"))
        .def("descend", &descend, nb::arg("psi"), nb::arg("u"), nb::arg("hessian"), nb::arg("entries"),
             nb::arg("X"), nb::arg("center"), nb::arg("scale"), nb::arg("offset"),
             nb::arg("order"), nb::arg("nodes"), nb::arg("log_weights"), nb::arg("constant"),
             nb::arg("near"), nb::arg("tolerance"), nb::arg("evaluations"), nb::arg("exact"));
    m.def("level_rows", &build, nb::arg("family"), nb::arg("y"), nb::arg("weights"),
          nb::arg("codes"), nb::arg("n_levels"), nb::arg("columns"), nb::arg("scale"));
}

}  // namespace nwpy
