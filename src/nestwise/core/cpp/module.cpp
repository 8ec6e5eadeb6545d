// The compiled kernels of the linear mixed model, as the Python module nestwise.core._kernels.

#include <nanobind/nanobind.h>

NB_MODULE(_kernels, m) {
    m.doc() = "Compiled kernels of nestwise.core.";
    m.def("version", [] { return 1; }, "Number of the binary interface.");
}
