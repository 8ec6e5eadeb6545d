#include "interrupt.hpp"

namespace nw {

void (*&listener())() {
    static void (*asks)() = nullptr;
    return asks;
}

void listen() {
    if (listener() != nullptr) listener()();
}

}  // namespace nw
