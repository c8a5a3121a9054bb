# The layers of src/lacuna: each module and the modules it may include and link. Arrows only point down.
# tests/layers_test.py holds every #include against this table, which is the only place where it is written.
set(LACUNA_MODULES core kernels formats tokenizer bits cluster sparse model prune activations render bench study store)

set(LACUNA_LAYER_core "")
set(LACUNA_LAYER_kernels core)
set(LACUNA_LAYER_formats core)
set(LACUNA_LAYER_tokenizer core)
set(LACUNA_LAYER_bits core kernels)
set(LACUNA_LAYER_cluster core kernels bits)
set(LACUNA_LAYER_sparse core kernels bits formats)
set(LACUNA_LAYER_model core kernels bits formats tokenizer sparse)
set(LACUNA_LAYER_prune core kernels bits)
set(LACUNA_LAYER_activations core kernels bits)
set(LACUNA_LAYER_render core)
set(LACUNA_LAYER_bench core kernels bits formats tokenizer sparse model)
set(LACUNA_LAYER_study core kernels formats tokenizer bits cluster sparse model prune activations render bench)
set(LACUNA_LAYER_store core study)
