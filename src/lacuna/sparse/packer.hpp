// A dense matrix to the tensors of its packed form (docs/formats/packed.md).
//
//   for (const auto part : packed_parts(plan.layout))
//     pack_part(matrix, plan, part, out);          // out holds packed_part_spec(name, plan, part)'s bytes
//
// Exact    by bits: every element whose bits are not all zero is stored.
// Cost     each part reads the matrix once; a copy of it where its elements do not lie side by side.
// Threads  parallel inside; safe on distinct outputs.
// Errors   Error{file_changed}: the matrix no longer has the plan's non-zeros; out_of_memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/formats/tensor_output.hpp"
#include "lacuna/sparse/layout.hpp"

namespace lacuna {

enum class PackedPart : std::uint8_t { bitmap, indices, row_starts, values };
std::string_view packed_part_suffix(PackedPart part);  // ".bitmap"

// In the order in which a matrix's digest covers them: {bitmap, row_starts, values} or {indices, values}.
std::vector<PackedPart> packed_parts(const PackedLayout& layout);

TensorSpec packed_part_spec(const std::string& name, const PackingPlan& plan, PackedPart part);

void pack_part(const TensorView& matrix, const PackingPlan& plan, PackedPart part, std::span<std::byte> out);

// SHA-256 of what the matrix is, then of the bytes of all parts, one after the other. What it is: "NAME\nLAYOUT TYPE
// ROWS COLS\n", as in "w\n2 of 4 BF16 512 1376\n".
std::string packed_identity(const std::string& name, const PackingPlan& plan);
std::string packed_digest(const std::string& name, const TensorView& matrix, const PackingPlan& plan);

}  // namespace lacuna
