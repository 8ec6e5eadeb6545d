// A symmetric matrix on a pattern that Python describes: its factor, solutions, selected inverse.
#include <memory>
#include <numeric>

#include "bindings.hpp"
#include "supernodal.hpp"

namespace nwpy {
namespace {

using nw::Supernodes;
using Offsets = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// Everything in one supernode: LAPACK on a full matrix.
Supernodes one_block(int n) {
    Supernodes sn;
    sn.n = n;
    sn.position.resize(static_cast<size_t>(n));
    std::iota(sn.position.begin(), sn.position.end(), 0);
    sn.first = {0, n};
    sn.of_column.assign(static_cast<size_t>(n), 0);
    sn.row_start = {0, n};
    sn.row = sn.position;
    sn.value_start = {0, static_cast<i64>(n) * n};
    sn.flops = static_cast<double>(n) * n * n;
    return sn;
}

std::unique_ptr<Supernodes> build(Offsets start, Codes neighbour, Codes width, bool full) {
    std::vector<std::int32_t> column, widths(width.data(), width.data() + width.shape(0));
    int n = 0;
    for (std::int32_t w : widths) {
        if (w < 1) throw nb::value_error("a width is not positive");
        column.push_back(n);
        n += w;
    }
    if (full) return std::make_unique<Supernodes>(one_block(n));
    nw::Graph graph{std::vector<i64>(start.data(), start.data() + start.shape(0)),
                    std::vector<std::int32_t>(neighbour.data(), neighbour.data() + neighbour.shape(0))};
    bool good = start.shape(0) == widths.size() + 1 && graph.start.front() == 0 &&
                graph.start.back() == static_cast<i64>(graph.neighbour.size());
    for (size_t i = 0; good && i < widths.size(); ++i) good = graph.start[i] <= graph.start[i + 1];
    for (std::int32_t v : graph.neighbour) good = good && v >= 0 && v < graph.size();
    if (!good) throw nb::value_error("the graph does not fit the widths");
    return std::make_unique<Supernodes>(nw::analyse(graph, column, widths, 0, 1e300, 1e300));
}

nb::object entry_positions(const Supernodes& sn, Codes a, Codes b) {
    auto* owned = new std::vector<i64>(a.shape(0));
    nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<std::vector<i64>*>(p); });
    if (b.shape(0) != a.shape(0)) throw nb::value_error("rows and columns differ in number");
    for (size_t i = 0; i < a.shape(0); ++i) {
        if (a.data()[i] < 0 || b.data()[i] < 0 || a.data()[i] >= sn.n || b.data()[i] >= sn.n)
            throw nb::value_error("an entry is outside the matrix");
        (*owned)[i] = sn.at(a.data()[i], b.data()[i]);
    }
    const size_t shape[1] = {a.shape(0)};
    return nb::cast(nb::ndarray<nb::numpy, std::int64_t>(owned->data(), 1, shape, owner));
}

std::vector<double> checked(const Supernodes& sn, const Vector& values) {
    if (values.shape(0) != static_cast<size_t>(sn.values())) throw nb::value_error("values do not fit the pattern");
    return std::vector<double>(values.data(), values.data() + values.shape(0));
}

// The factor; empty when the matrix is not positive definite.
nb::object factorise(const Supernodes& sn, Vector values) {
    std::vector<double> L = checked(sn, values), scratch;
    bool good = false;
    {
        nb::gil_scoped_release release;
        good = nw::factorise_sparse(sn, L.data(), scratch);
    }
    if (!good) L.clear();
    return array(std::move(L));
}

nb::object inverse(const Supernodes& sn, Vector L) {
    std::vector<double> C = checked(sn, L), scratch;
    {
        nb::gil_scoped_release release;
        nw::invert_sparse(sn, L.data(), true, C.data(), scratch);
    }
    return array(std::move(C));
}

// L^-1 X (`forward`) or L^-T X; rows of X are columns of the matrix in the caller's order for the
// right-hand side of `forward` and the result of the other, in elimination order between the two.
nb::object solve(const Supernodes& sn, Vector L, RowMajor X, bool forward) {
    const size_t n = static_cast<size_t>(sn.n), m = X.shape(1);
    if (X.shape(0) != n || L.shape(0) != static_cast<size_t>(sn.values()))
        throw nb::value_error("the right-hand side does not fit the pattern");
    std::vector<double> out(n * m), work(X.data(), X.data() + n * m);
    {
        nb::gil_scoped_release release;
        if (forward) {
            for (size_t c = 0; c < n; ++c)
                std::copy_n(work.data() + c * m, m, out.data() + static_cast<size_t>(sn.position[c]) * m);
            nw::forward_sparse(sn, L.data(), out.data(), static_cast<int>(m), sn.n);
        } else {
            nw::backward_sparse(sn, L.data(), work.data(), static_cast<int>(m), sn.n);
            for (size_t c = 0; c < n; ++c)
                std::copy_n(work.data() + static_cast<size_t>(sn.position[c]) * m, m, out.data() + c * m);
        }
    }
    return array(std::move(out), {n, m});
}

}  // namespace

void bind_sparse(nb::module_& m) {
    nb::class_<Supernodes>(m, "SparsePattern")
        .def_ro("order", &Supernodes::n)
        .def_prop_ro("values", &Supernodes::values)
        .def("positions", &entry_positions, nb::arg("rows"), nb::arg("columns"))
        .def("factorise", &factorise, nb::arg("values"))
        .def("inverse", &inverse, nb::arg("L"))
        .def("solve", &solve, nb::arg("L"), nb::arg("X"), nb::arg("forward"));
    m.def("sparse_pattern", &build, nb::arg("start"), nb::arg("neighbour"), nb::arg("width"),
          nb::arg("full"));
}

}  // namespace nwpy
