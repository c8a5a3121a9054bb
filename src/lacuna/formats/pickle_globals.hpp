// The only names that a pickle may refer to. Looked up in this table, never anywhere else.
#pragma once

#include <optional>
#include <string_view>

#include "lacuna/core/dtype.hpp"
#include "lacuna/formats/byte_source.hpp"

namespace lacuna {

enum class PickleRole : std::uint8_t {
  ordered_dict,       // collections.OrderedDict
  size,               // torch.Size
  rebuild_tensor,     // torch._utils._rebuild_tensor(storage, offset, size, stride)
  rebuild_tensor_v2,  // … (…, requires_grad, backward_hooks, metadata = None)
  rebuild_parameter,  // torch._utils._rebuild_parameter(tensor, requires_grad, backward_hooks)
  storage,            // torch.FloatStorage, …
  dtype,              // torch.float32, …
};

struct PickleGlobal {
  std::string_view module;
  std::string_view name;
  PickleRole role;
  DType dtype = DType::u8;  // of storage and dtype
};

// Throws Error{forbidden_global}, or Error{unsupported_dtype} for complex storages, naming the global.
const PickleGlobal& allowed_global(std::string_view module, std::string_view name, const ByteSource& source,
                                   std::uint64_t offset);

}  // namespace lacuna
