#include "lapack.hpp"

#include <nanobind/nanobind.h>

namespace nb = nanobind;

namespace nw {

Lapack& lapack() {
    static Lapack table{};
    return table;
}

template <class F>
static void load(nb::dict capi, const char* name, F& target) {
    nb::object capsule = capi[name];
    // A capsule's name is the C signature; asking with its own name always matches.
    const char* signature = PyCapsule_GetName(capsule.ptr());
    void* address = PyCapsule_GetPointer(capsule.ptr(), signature);
    if (address == nullptr) throw nb::python_error();
    target = reinterpret_cast<F>(address);
}

void load_lapack() {
    nb::dict lapack_api = nb::module_::import_("scipy.linalg.cython_lapack").attr("__pyx_capi__");
    nb::dict blas_api = nb::module_::import_("scipy.linalg.cython_blas").attr("__pyx_capi__");
    load(lapack_api, "dpotrf", lapack().dpotrf);
    load(lapack_api, "dpotri", lapack().dpotri);
    load(lapack_api, "dtrtri", lapack().dtrtri);
    load(lapack_api, "dlauum", lapack().dlauum);
    load(blas_api, "dtrmm", lapack().dtrmm);
    load(blas_api, "dtrsm", lapack().dtrsm);
    load(blas_api, "dsyrk", lapack().dsyrk);
    load(blas_api, "dgemm", lapack().dgemm);
}

}  // namespace nw
