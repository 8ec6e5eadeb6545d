// Ctrl-C inside evaluations that take seconds.
#pragma once

namespace nw {

// What `listen` asks; set once, by the module. It throws when the user wants to stop.
void (*&listener())();

// Call between pieces of work of some tenths of a second.
void listen();

}  // namespace nw
