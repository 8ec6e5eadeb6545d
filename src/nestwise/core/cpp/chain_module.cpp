#include <cmath>

#include "bindings.hpp"
#include "chain.hpp"
#include "descent.hpp"
#include "orthonormal.hpp"

namespace nwpy {
namespace {

using nw::ChainModel;
using nw::ChainPoint;

std::vector<double> copied(const Vector& from) {
    return std::vector<double>(from.data(), from.data() + from.shape(0));
}

void check(bool good) {
    if (!good) throw nb::value_error("an array does not have the shape of the model");
}

std::unique_ptr<ChainModel> build(RowMajor Q, Vector y, Codes subject, Vector time, std::optional<Vector> weights,
                                  std::vector<Codes> codes, std::vector<RowMajor> Z, Table entries,
                                  bool by_time, RowMajor RX) {
    const size_t n = y.shape(0);
    nw::ChainRows rows;
    rows.n = static_cast<std::int64_t>(n);
    rows.p = static_cast<int>(Q.shape(1));
    rows.Q = Q.data();
    rows.y = y.data();
    rows.subject = subject.data();
    rows.time = time.data();
    rows.weights = weights ? weights->data() : nullptr;
    check(Q.shape(0) == n && subject.shape(0) == n && time.shape(0) == n && codes.size() == Z.size() &&
          (!weights || weights->shape(0) == n) && (entries.shape(0) == 0 || entries.shape(1) == 3));
    std::vector<int> first;
    int k = 0;
    for (size_t t = 0; t < codes.size(); ++t) {
        check(codes[t].shape(0) == n && Z[t].shape(0) == n);
        rows.codes.push_back(codes[t].data());
        rows.Z.push_back(Z[t].data());
        rows.widths.push_back(static_cast<int>(Z[t].shape(1)));
        first.push_back(k);
        k += rows.widths.back();
    }
    auto model = std::make_unique<ChainModel>();
    model->decay = by_time ? nw::Decay::by_time : nw::Decay::by_order;
    check(RX.shape(0) == Q.shape(1) && RX.shape(1) == Q.shape(1));
    for (size_t j = 0; j < RX.shape(0); ++j)
        model->fixed_constant += 2.0 * std::log(std::fabs(RX.data()[j * (RX.shape(0) + 1)]));
    for (size_t i = 0; i < entries.shape(0); ++i) {
        const std::int32_t* row = entries.data() + 3 * i;
        check(row[0] >= 0 && static_cast<size_t>(row[0]) < first.size() && row[1] >= 0 && row[2] >= 0 &&
              row[1] < rows.widths[row[0]] && row[2] <= row[1]);
        model->entries.push_back({first[row[0]] + row[1], first[row[0]] + row[2]});
    }
    if (model->m() > nw::most_chain_parameters) return nullptr;
    nb::gil_scoped_release release;
    return nw::make_chain(rows, *model) ? std::move(model) : nullptr;
}

nb::tuple told(ChainPoint&& point) {
    const size_t m = point.par.size(), p = point.delta.size();
    if (point.gradient.size() != m) return nb::make_tuple(array(std::move(point.par)), point.value);
    return nb::make_tuple(array(std::move(point.par)), point.value, array(std::move(point.gradient)),
                          array(std::move(point.hessian), {m, m}), array(std::move(point.gradient_logdet)),
                          array(std::move(point.gradient_pwrss)), point.pwrss, array(std::move(point.delta)),
                          array(std::move(point.Phi), {p, p}));
}

nb::tuple evaluate(const ChainModel& model, Vector par, bool reml) {
    check(par.shape(0) == static_cast<size_t>(model.m()));
    ChainPoint point;
    {
        nb::gil_scoped_release release;
        point = nw::evaluate_chain(model, copied(par), reml);
    }
    return told(std::move(point));
}

nb::tuple descend(const ChainModel& model, Vector par, bool reml, double tolerance, int max_evaluations) {
    check(par.shape(0) == static_cast<size_t>(model.m()));
    nw::Route<ChainPoint> route;
    {
        nb::gil_scoped_release release;
        route = nw::descend_from<ChainPoint>(
            copied(par), tolerance, max_evaluations,
            [&](std::vector<double> at) { return nw::evaluate_chain(model, std::move(at), reml); },
            [](const ChainPoint&, int, bool) { return false; });
    }
    return nb::make_tuple(told(std::move(route.point)), route.evaluations, route.decrease,
                          static_cast<int>(route.stopped));
}

nb::object weigh(const ChainModel& model, Vector par, Vector e) {
    check(par.shape(0) == static_cast<size_t>(model.m()) && e.shape(0) == static_cast<size_t>(model.n));
    return array(nw::weigh_chain(model, copied(par), e.data()));
}

nb::object curvature(const ChainModel& model, Vector par, bool reml) {
    check(par.shape(0) == static_cast<size_t>(model.m()));
    nw::ChainCurvature found;
    {
        nb::gil_scoped_release release;
        found = nw::chain_curvature(model, copied(par), reml);
    }
    if (!found.finite) return nb::none();
    const size_t m = par.shape(0), p = static_cast<size_t>(model.c) - 1;
    return nb::make_tuple(array(std::move(found.logdet), {m, m}), array(std::move(found.pwrss), {m, m}),
                          array(std::move(found.information), {m, p, p}));
}

// The smallest 1 - |r| of neighbours.
double short_of_one(const ChainModel& model, double par) {
    double least = 1.0;
    for (const nw::Correlation& at : nw::correlations(model, par))
        least = std::min(least, at.r < 0.0 ? 1.0 + at.r : at.short_of_one);
    return least;
}

nb::object whiten(const ChainModel& model, double par, Vector e) {
    check(e.shape(0) == static_cast<size_t>(model.n));
    return array(nw::whiten_chain(model, par, e.data()));
}

nb::object colour(const ChainModel& model, double par, Vector e) {
    check(e.shape(0) == static_cast<size_t>(model.n));
    return array(nw::colour_chain(model, par, e.data()));
}

nb::tuple least_squares(Matrix X, Vector y) {
    check(X.shape(0) == y.shape(0));
    nw::LeastSquares found = nw::least_squares(X.data(), y.data(), X.shape(0), static_cast<int>(X.shape(1)));
    const size_t n = X.shape(0), p = X.shape(1);
    return nb::make_tuple(array(std::move(found.Q), {n, p}), array(std::move(found.R), {p, p}),
                          array(std::move(found.beta)), array(std::move(found.residuals)));
}

}  // namespace

void bind_chain(nb::module_& m) {
    nb::class_<ChainModel>(m, "Chain")
        .def("evaluate", &evaluate, nb::arg("par"), nb::arg("reml"))
        .def("descend", &descend, nb::arg("par"), nb::arg("reml"), nb::arg("tolerance"), nb::arg("max_evaluations"))
        .def("curvature", &curvature, nb::arg("par"), nb::arg("reml"))
        .def("short_of_one", &short_of_one, nb::arg("par"))
        .def("whiten", &whiten, nb::arg("par"), nb::arg("e"))
        .def("colour", &colour, nb::arg("par"), nb::arg("e"))
        .def("weigh", &weigh, nb::arg("par"), nb::arg("e"));
    m.def("chain", &build, nb::arg("Q"), nb::arg("y"), nb::arg("subject"), nb::arg("time"),
          nb::arg("weights").none(), nb::arg("codes"), nb::arg("Z"), nb::arg("entries"), nb::arg("by_time"),
          nb::arg("RX"));
    m.def("least_squares", &least_squares, nb::arg("X"), nb::arg("y"));
}

}  // namespace nwpy
