#include "lacuna/formats/pickle_globals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lacuna/formats/printable.hpp"

namespace lacuna {
namespace {

constexpr std::array kAllowed = {
    PickleGlobal{"collections", "OrderedDict", PickleRole::ordered_dict},
    PickleGlobal{"torch", "Size", PickleRole::size},
    PickleGlobal{"torch._utils", "_rebuild_tensor", PickleRole::rebuild_tensor},
    PickleGlobal{"torch._utils", "_rebuild_tensor_v2", PickleRole::rebuild_tensor_v2},
    PickleGlobal{"torch._utils", "_rebuild_parameter", PickleRole::rebuild_parameter},
    PickleGlobal{"torch", "DoubleStorage", PickleRole::storage, DType::f64},
    PickleGlobal{"torch", "FloatStorage", PickleRole::storage, DType::f32},
    PickleGlobal{"torch", "HalfStorage", PickleRole::storage, DType::f16},
    PickleGlobal{"torch", "BFloat16Storage", PickleRole::storage, DType::bf16},
    PickleGlobal{"torch", "LongStorage", PickleRole::storage, DType::i64},
    PickleGlobal{"torch", "IntStorage", PickleRole::storage, DType::i32},
    PickleGlobal{"torch", "ShortStorage", PickleRole::storage, DType::i16},
    PickleGlobal{"torch", "CharStorage", PickleRole::storage, DType::i8},
    PickleGlobal{"torch", "ByteStorage", PickleRole::storage, DType::u8},
    PickleGlobal{"torch", "BoolStorage", PickleRole::storage, DType::boolean},
    PickleGlobal{"torch", "float64", PickleRole::dtype, DType::f64},
    PickleGlobal{"torch", "float32", PickleRole::dtype, DType::f32},
    PickleGlobal{"torch", "float16", PickleRole::dtype, DType::f16},
    PickleGlobal{"torch", "bfloat16", PickleRole::dtype, DType::bf16},
    PickleGlobal{"torch", "int64", PickleRole::dtype, DType::i64},
    PickleGlobal{"torch", "int32", PickleRole::dtype, DType::i32},
    PickleGlobal{"torch", "int16", PickleRole::dtype, DType::i16},
    PickleGlobal{"torch", "int8", PickleRole::dtype, DType::i8},
    PickleGlobal{"torch", "uint8", PickleRole::dtype, DType::u8},
    PickleGlobal{"torch", "bool", PickleRole::dtype, DType::boolean},
};

std::string_view refusal_hint(std::string_view module, std::string_view name) {
  if (name == "_rebuild_qtensor") return "quantised tensors: dequantise() them before saving";
  if (name.starts_with("_rebuild_sparse")) return "sparse layouts: save tensor.to_dense() instead";
  if (name == "_rebuild_tensor_v3" || name == "UntypedStorage") return "save such tensors as safetensors";
  if (module == "__main__" || module.starts_with("torch.nn")) {
    return "a whole model was pickled: load it where its code is trusted and save model.state_dict()";
  }
  return "load the file where its code is trusted and save the tensors alone, for example model.state_dict()";
}

}  // namespace

const PickleGlobal& allowed_global(std::string_view module, std::string_view name, const ByteSource& source,
                                   std::uint64_t offset) {
  const auto found = std::find_if(kAllowed.begin(), kAllowed.end(), [&](const PickleGlobal& global) {
    return global.module == module && global.name == name;
  });
  if (found != kAllowed.end()) return *found;
  const std::string full = printable(fmt::format("{}.{}", module.substr(0, 200), name.substr(0, 200)));
  if (module == "torch" && (name == "ComplexFloatStorage" || name == "ComplexDoubleStorage")) {
    source.fail(offset, fmt::format("the pickle holds a complex tensor ({}); supported are real dtypes", full),
                ErrorCode::unsupported_dtype);
  }
  throw Error(ErrorCode::forbidden_global,
              fmt::format("the pickle names {}; allowed are tensors, their storages and plain containers", full))
      .at(source.path(), offset)
      .hint(std::string(refusal_hint(module, name)));
}

}  // namespace lacuna
