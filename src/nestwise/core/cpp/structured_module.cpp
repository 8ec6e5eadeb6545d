#include "bindings.hpp"
#include "structured.hpp"

namespace nwpy {
namespace {

using nw::StructuredModel;
using nw::StructuredPattern;
using Ints = std::vector<int>;

template <typename T>
std::vector<T> copied(const nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>& from) {
    return std::vector<T>(from.data(), from.data() + from.shape(0));
}

std::unique_ptr<StructuredModel> build(int c, int u, int arms, int s, int f, bool structured, Ints widths,
                                       Table entries) {
    auto model = std::make_unique<StructuredModel>();
    model->c = c;
    model->u = u;
    model->arms = arms;
    model->s = s;
    model->f = f;
    model->structured = structured;
    model->widths = std::move(widths);
    for (size_t i = 0; i < entries.shape(0); ++i) {
        const std::int32_t* row = entries.data() + 3 * i;
        if (row[0] < 0 || static_cast<size_t>(row[0]) >= model->widths.size() || row[1] < 0 ||
            row[2] < 0 || row[1] >= model->widths[row[0]] || row[2] >= model->widths[row[0]])
            throw nb::value_error("an entry is outside the Lambda of its term");
        model->entries.push_back({row[0], row[1], row[2]});
    }
    return model;
}

void add(StructuredModel& model, std::int64_t count, Codes position, Codes subject, Codes arm, Vector features,
         Vector root, std::vector<Vector> Z, std::vector<Codes> level, Vector table, Vector rows) {
    StructuredPattern one;
    one.count = count;
    one.v = static_cast<int>(position.shape(0));
    one.position = copied(position);
    one.subject = copied(subject);
    one.arm = copied(arm);
    one.features = copied(features);
    one.root = copied(root);
    for (const Vector& z : Z) one.Z.push_back(copied(z));
    for (const Codes& l : level) one.level.push_back(copied(l));
    one.table = copied(table);
    one.rows = copied(rows);
    const size_t v = static_cast<size_t>(one.v), c = static_cast<size_t>(model.c);
    bool good = one.subject.size() == v && one.arm.size() == v && one.root.size() == v &&
                one.features.size() == v * static_cast<size_t>(model.f) && one.Z.size() == model.widths.size() &&
                one.level.size() == one.Z.size() &&
                (one.table.size() == v * v * c * c || one.rows.size() == static_cast<size_t>(count) * v * c);
    for (size_t t = 0; good && t < one.Z.size(); ++t)
        good = one.Z[t].size() == v * static_cast<size_t>(model.widths[t]) && one.level[t].size() == v;
    for (size_t j = 0; good && j < v; ++j)
        good = one.position[j] >= 0 && (!model.structured || one.position[j] < model.u) && one.arm[j] >= 0 &&
               one.arm[j] < std::max(model.arms, 1);
    if (!good) throw nb::value_error("an array does not have the shape of the model");
    model.patterns.push_back(std::move(one));
}

nb::tuple evaluate(const StructuredModel& model, Vector R, Vector dR, Vector log_sd,
                   std::vector<Vector> lambdas, double df, bool reml) {
    const size_t uu = static_cast<size_t>(model.u) * model.u, arms = static_cast<size_t>(model.arms);
    bool good = lambdas.size() == model.widths.size() && log_sd.shape(0) == static_cast<size_t>(model.f);
    if (model.structured)
        good = good && R.shape(0) == arms * uu && dR.shape(0) == arms * static_cast<size_t>(model.s) * uu;
    nw::StructuredState state{R.data(), dR.data(), log_sd.data(), {}};
    for (size_t t = 0; good && t < lambdas.size(); ++t) {
        good = lambdas[t].shape(0) == static_cast<size_t>(model.widths[t] * model.widths[t]);
        state.Lambda.push_back(copied(lambdas[t]));
    }
    if (!good) throw nb::value_error("an array does not have the shape of the model");
    nw::StructuredSums sums;
    {
        nb::gil_scoped_release release;
        sums = nw::evaluate_structured(model, state, df, reml);
    }
    const size_t m = sums.trace.size(), p = sums.delta.size();
    return nb::make_tuple(sums.finite, sums.logdet, sums.fixed_logdet, sums.pwrss,
                          array(std::move(sums.delta)), array(std::move(sums.half), {p, p}),
                          array(std::move(sums.trace)), array(std::move(sums.score)),
                          array(std::move(sums.gram), {m, m}), array(std::move(sums.mixed), {m, p}),
                          array(std::move(sums.extra), {m, m}));
}

}  // namespace

void bind_structured(nb::module_& m) {
    nb::class_<StructuredModel>(m, "StructuredPatterns")
        .def("add", &add, nb::arg("count"), nb::arg("position"), nb::arg("subject"), nb::arg("arm"),
             nb::arg("features"), nb::arg("root"), nb::arg("Z"), nb::arg("level"), nb::arg("table"),
             nb::arg("rows"))
        .def("evaluate", &evaluate, nb::arg("R"), nb::arg("dR"), nb::arg("log_sd"), nb::arg("lambdas"),
             nb::arg("df"), nb::arg("reml"));
    m.def("structured_patterns", &build, nb::arg("c"), nb::arg("u"), nb::arg("arms"), nb::arg("s"),
          nb::arg("f"), nb::arg("structured"), nb::arg("widths"), nb::arg("entries"));
}

}  // namespace nwpy
