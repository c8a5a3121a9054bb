#include <fmt/format.h>

#include "lacuna/core/version.hpp"

int main() { fmt::print("lacuna {}\n", lacuna::version()); }
