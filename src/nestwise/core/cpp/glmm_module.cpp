// Bindings of Laplace's approximation. Rows come ordered by the level of the first factor.
#include <nanobind/stl/string.h>

#include <cmath>

#include "glmm.hpp"
#include "glmm_bindings.hpp"

namespace nwpy {

namespace {

using nw::Glmm;
using nw::RowFunctions;
using nw::RowValues;

nb::object view(const double* x, i64 n) {
    const size_t shape[1] = {static_cast<size_t>(n)};
    return nb::cast(nb::ndarray<nb::numpy, double>(const_cast<double*>(x), 1, shape, nb::handle()),
                    nb::rv_policy::copy);
}

void take(const nb::handle& from, std::vector<double>& to) {
    const auto values = nb::cast<Vector>(from);
    to.assign(values.data(), values.data() + values.shape(0));
}

// A family that is written in Python: called with the interpreter's lock held. Whoever calls it
// keeps the two functions.
RowFunctions from_python(nb::handle step, nb::handle slopes) {
    RowFunctions out;
    out.step = [step](const double* eta, double phi, RowValues& v) {
        const auto answer = nb::cast<nb::tuple>(step(view(eta, static_cast<i64>(v.d1.size())), phi));
        take(answer[1], v.d1);
        take(answer[2], v.observed);
        take(answer[3], v.expected);
        return nb::cast<double>(answer[0]);
    };
    out.slopes = [slopes](const double* eta, double phi, bool observed, RowValues& v) {
        const auto answer =
            nb::cast<nb::tuple>(slopes(view(eta, static_cast<i64>(v.d1.size())), phi, observed));
        take(answer[0], v.slope);
        take(answer[1], v.phi_loglik);
        take(answer[2], v.phi_d1);
        take(answer[3], v.phi_weight);
    };
    return out;
}

struct GlmmHandle {
    std::unique_ptr<Glmm> model;
    bool python = false;
    nb::object step, slopes;  // of a family that is written in Python
};

// The caller's functions may lead back to the fit that holds them (a function knows the names of its
// module): the garbage collector has to see them here.
int visit_functions(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(self));
    if (!nb::inst_ready(self)) return 0;
    const GlmmHandle* h = nb::inst_ptr<GlmmHandle>(self);
    Py_VISIT(h->step.ptr());
    Py_VISIT(h->slopes.ptr());
    return 0;
}

int drop_functions(PyObject* self) {
    GlmmHandle* h = nb::inst_ptr<GlmmHandle>(self);
    if (h->python) h->model->family = RowFunctions{};
    h->step.reset();
    h->slopes.reset();
    return 0;
}

PyType_Slot glmm_slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(visit_functions)},
                            {Py_tp_clear, reinterpret_cast<void*>(drop_functions)},
                            {0, nullptr}};

std::unique_ptr<GlmmHandle> build(i64 n, std::vector<Codes> codes, std::vector<int> n_levels,
                                  std::vector<Columns> columns, std::vector<Vector> scales,
                                  bool observed, int solver, double memory) {
    nw::Rows rows;
    const std::vector<double> y(static_cast<size_t>(n), 0.0);
    rows.n = n;
    rows.p = 0;
    rows.y = y.data();
    rows.X = nullptr;
    rows.weights = nullptr;
    rows.factors = factor_rows(codes, n_levels, columns, scales);
    auto out = std::make_unique<GlmmHandle>();
    nb::gil_scoped_release release;
    out->model = nw::make_glmm(rows, solver, memory);
    out->model->observed = observed;
    return out;
}

void set_family(GlmmHandle& h, const std::string& name, Vector y, Vector weights, double constant) {
    if (static_cast<i64>(y.shape(0)) != h.model->n) throw nb::value_error("y has the wrong length");
    h.model->family = nw::named_family(name, copied(y), copied(weights), constant);
    h.python = false;
}

// Log-likelihood without its constant, d1, -d2 and the expected information of all rows.
nb::tuple family_step(const std::string& name, Vector y, Vector weights, Vector eta, double phi) {
    const RowFunctions family = nw::named_family(name, copied(y), copied(weights), 0.0);
    if (eta.shape(0) != y.shape(0)) throw nb::value_error("eta has the wrong length");
    RowValues v;
    for (auto* part : {&v.d1, &v.observed, &v.expected}) part->resize(y.shape(0));
    double loglik = 0.0;
    {
        nb::gil_scoped_release release;
        loglik = family.step(eta.data(), phi, v);
    }
    if (family.canonical) v.expected = v.observed;
    return nb::make_tuple(loglik, array(std::move(v.d1)), array(std::move(v.observed)),
                          array(std::move(v.expected)));
}

void set_python_family(GlmmHandle& h, nb::callable step, nb::callable slopes) {
    h.model->family = from_python(step, slopes);
    h.step = std::move(step);
    h.slopes = std::move(slopes);
    h.python = true;
}

nb::tuple laplace(GlmmHandle& h, Vector lambdas, Table entries, Vector fixed, double phi, Vector u,
                  int order) {
    Glmm& g = *h.model;
    const CrossProducts& cp = *g.cp;
    if (static_cast<i64>(fixed.shape(0)) != g.n || static_cast<i64>(u.shape(0)) != cp.q)
        throw nb::value_error("the fixed part or u has the wrong length");
    const Lambdas lambda = unpack(cp, lambdas);
    const std::vector<Entry> free = unpack(cp, entries);
    nw::LaplaceResult r;
    std::vector<double> eta;
    const auto run = [&] {
        r = nw::laplace(g, lambda, fixed.data(), phi, reordered(cp, u.data(), false), order);
        eta = g.eta;
    };
    {
        // Waiting with the interpreter's lock held could wait for ever.
        nb::gil_scoped_release release;
        g.busy.lock();
        if (!h.python) {
            run();
            g.busy.unlock();
        }
    }
    if (h.python) {
        const std::lock_guard<std::mutex> hold(g.busy, std::adopt_lock);
        run();
    }
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const bool derivatives = r.found && order > 0;
    return nb::make_tuple(
        r.found ? r.criterion : nan, array(reordered(cp, r.u.data(), true)), array(std::move(eta)),
        array(derivatives ? pick(cp, free, r.by_lambda, 1.0) : std::vector<double>()),
        array(std::move(r.slope)), r.by_log_phi, r.ldL2, r.iterations);
}

// The criterion with its gradient as the outer optimiser asks for it: psi = (par, beta, log phi),
// u in elimination order.
struct LaplaceCriterion {
    Glmm& model;
    const nw::FixedPart fixed;
    const std::vector<Entry> entries;

    nw::GlmmPoint operator()(const std::vector<double>& psi, const std::vector<double>& u) const {
        listen();
        const CrossProducts& cp = *model.cp;
        const size_t m = entries.size();
        Lambdas lambda;
        for (const auto& f : cp.factors) lambda.emplace_back(static_cast<size_t>(f.k * f.k), 0.0);
        for (size_t i = 0; i < m; ++i)
            lambda[entries[i].factor][entries[i].row * cp.factors[entries[i].factor].k + entries[i].column] =
                psi[i];
        const bool has_phi = psi.size() > m + static_cast<size_t>(fixed.p);
        // As in core/glmm.py.
        const double phi = has_phi ? std::exp(std::min(std::max(psi.back(), -200.0), 200.0))
                                   : std::numeric_limits<double>::quiet_NaN();
        const std::vector<double> base = fixed.predictor(&psi[m]);
        nw::LaplaceResult r = nw::laplace(model, lambda, base.data(), phi, u, 1);
        nw::GlmmPoint out;
        out.psi = psi;
        out.u = std::move(r.u);
        out.eta = model.eta;
        out.n_steps = r.iterations;
        if (!r.found || !std::isfinite(r.criterion)) return out;
        out.value = r.criterion;
        out.ldL2 = r.ldL2;
        out.gradient = pick(cp, entries, r.by_lambda, 1.0);
        for (double slope : fixed.transposed(r.slope)) out.gradient.push_back(slope);
        if (has_phi) out.gradient.push_back(r.by_log_phi);
        return out;
    }
};

nb::tuple descend(GlmmHandle& h, Vector psi, Vector u, RowMajor hessian, Table entries, Matrix X,
                  Vector center, Vector scale, Vector offset, Places order, double near,
                  double tolerance, int evaluations, bool exact, double low, double high) {
    Glmm& g = *h.model;
    const size_t size = psi.shape(0), least = entries.shape(0) + X.shape(1);
    if (h.python) throw nb::value_error("the compiled optimiser needs a compiled family");
    if (size < least || size > least + 1 || hessian.shape(0) != size || hessian.shape(1) != size ||
        static_cast<i64>(u.shape(0)) != g.cp->q)
        throw nb::value_error("an array does not have the shape of the model");
    const FixedArrays fixed{X, center, scale, offset, order};
    const LaplaceCriterion criterion{g, fixed.view(g.n), unpack(*g.cp, entries)};
    nw::GlmmPath path;
    {
        nb::gil_scoped_release release;
        const std::lock_guard<std::mutex> hold(g.busy);
        path = nw::descend_glmm(criterion, copied(psi), reordered(*g.cp, u.data(), false),
                                {hessian.data(), hessian.data() + size * size},
                                {near, tolerance, evaluations, exact, low, high});
        path.point.u = reordered(*g.cp, path.point.u.data(), true);
    }
    return pack(std::move(path));
}

}  // namespace

void bind_glmm(nb::module_& m) {
    nb::class_<GlmmHandle>(m, "Glmm", nb::type_slots(glmm_slots))
        .def("set_family", &set_family, nb::arg("name"), nb::arg("y"), nb::arg("weights"),
             nb::arg("constant"))
        .def("set_python_family", &set_python_family, nb::arg("step"), nb::arg("slopes"))
        .def("laplace", &laplace, nb::arg("lambdas"), nb::arg("entries"), nb::arg("fixed"),
             nb::arg("phi"), nb::arg("u"), nb::arg("order"))
        .def("descend", &descend, nb::arg("psi"), nb::arg("u"), nb::arg("hessian"), nb::arg("entries"),
             nb::arg("X"), nb::arg("center"), nb::arg("scale"), nb::arg("offset"),
             nb::arg("order"), nb::arg("near"), nb::arg("tolerance"), nb::arg("evaluations"),
             nb::arg("exact"), nb::arg("low"), nb::arg("high"))
        .def_prop_ro("tail", [](const GlmmHandle& h) { return h.model->cp->tail; });
    m.def("family_step", &family_step, nb::arg("name"), nb::arg("y"), nb::arg("weights"),
          nb::arg("eta"), nb::arg("phi"));
    m.def("glmm", &build, nb::arg("n"), nb::arg("codes"), nb::arg("n_levels"), nb::arg("columns"),
          nb::arg("scales"), nb::arg("observed"), nb::arg("solver"), nb::arg("memory"));
}

}  // namespace nwpy
