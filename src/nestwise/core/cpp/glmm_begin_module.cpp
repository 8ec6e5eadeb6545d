// Bindings of the starting values of generalised models.
#include <nanobind/stl/string.h>

#include "glmm_begin.hpp"
#include "glmm_bindings.hpp"

namespace nwpy {

namespace {

std::vector<Entry> plain(const Table& table, const std::vector<Columns>& columns) {
    std::vector<Entry> out;
    for (size_t i = 0; i < table.shape(0); ++i) {
        const std::int32_t* e = table.data() + 3 * i;
        const auto k = [&] { return static_cast<std::int32_t>(columns[static_cast<size_t>(e[0])].size()); };
        if (e[0] < 0 || static_cast<size_t>(e[0]) >= columns.size() || e[1] < 0 || e[2] < 0 || e[1] >= k() ||
            e[2] >= k())
            throw nb::value_error("an entry is outside the Lambda of its factor");
        out.push_back({e[0], e[1], e[2]});
    }
    return out;
}

nb::object begin(const std::string& family, int dispersion, Vector y, Vector weights, Vector offset, Vector eta,
                 Matrix X, int intercept, int rounds, std::vector<Codes> codes, std::vector<int> n_levels,
                 std::vector<Columns> columns, std::vector<Vector> scales, Table entries, int solver,
                 double memory) {
    const size_t n = y.shape(0);
    if (weights.shape(0) != n || offset.shape(0) != n || eta.shape(0) != n || X.shape(0) != n)
        throw nb::value_error("an array does not have the rows of y");
    nw::Rows rows{static_cast<i64>(n), static_cast<int>(X.shape(1)), nullptr, X.data(), {}, {}, nullptr,
                  factor_rows(codes, n_levels, columns, scales)};
    const nw::RowFunctions functions = nw::named_family(family, copied(y), copied(weights), 0.0);
    const nw::BeginInput in{std::move(rows), functions, static_cast<nw::Dispersion>(dispersion), offset.data(),
                            eta.data(), plain(entries, columns), intercept, rounds, solver, memory};
    nw::Beginning out;
    {
        nb::gil_scoped_release release;
        out = nw::begin_glmm(in);
        if (out.found) out.u = reordered(*out.cp, out.u.data(), true);
    }
    if (!out.found) return nb::none();
    const size_t size = out.par.size() + out.beta.size();
    return nb::make_tuple(nb::cast(std::move(out.cp)), array(std::move(out.basis.center)),
                          array(std::move(out.basis.scale)), array(std::move(out.basis.shift)),
                          array(std::move(out.par)), array(std::move(out.beta)), out.phi,
                          array(std::move(out.u)),
                          array(std::move(out.curvature), {size, size}), out.log_weights);
}

}  // namespace

void bind_glmm_begin(nb::module_& m) {
    m.def("begin_glmm", &begin, nb::arg("family"), nb::arg("dispersion"), nb::arg("y"), nb::arg("weights"),
          nb::arg("offset"), nb::arg("eta"), nb::arg("X"), nb::arg("intercept"), nb::arg("rounds"), nb::arg("codes"),
          nb::arg("n_levels"), nb::arg("columns"), nb::arg("scales"), nb::arg("entries"),
          nb::arg("solver"), nb::arg("memory"));
}

}  // namespace nwpy
