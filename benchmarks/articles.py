"""The articles' own style of code: plain NumPy that allocates a new array at every step.

Khan's classes ("Nothing but NumPy") and Skalski's functions ("Let's code a neural network in
plain NumPy from scratch") with their original names. Skalski's functions are extended in his style
to the activations and losses of the other jobs.
"""

from typing import Any

import numpy as np

from benchmarks.jobs import Array

# --- Khan -----------------------------------------------------------------------------------


class SigmoidLayer:
    """a = sigmoid(z)."""

    def __init__(self, shape):
        self.A = np.zeros(shape)

    def forward(self, Z):
        self.A = 1 / (1 + np.exp(-Z))

    def backward(self, upstream_grad):
        self.dZ = upstream_grad * self.A * (1 - self.A)


class LinearLayer:
    """z = W a + b."""

    def __init__(self, W, b, m):
        self.params = {"W": W, "b": b}
        self.Z = np.zeros((W.shape[0], m))

    def forward(self, A_prev):
        self.A_prev = A_prev
        self.Z = np.dot(self.params["W"], self.A_prev) + self.params["b"]

    def backward(self, upstream_grad):
        self.dW = np.dot(upstream_grad, self.A_prev.T)
        self.db = np.sum(upstream_grad, axis=1, keepdims=True)
        self.dA_prev = np.dot(self.params["W"].T, upstream_grad)

    def update_params(self, learning_rate=0.1):
        self.params["W"] = self.params["W"] - learning_rate * self.dW
        self.params["b"] = self.params["b"] - learning_rate * self.db


def compute_cost(Y, Y_hat):
    """Return half the mean squared error and its gradient."""
    m = Y.shape[1]
    cost = (1 / (2 * m)) * np.sum(np.square(Y - Y_hat))
    cost = np.squeeze(cost)
    dY_hat = -1 / m * (Y - Y_hat)
    return cost, dY_hat


def khan(
    X_train: Array,
    Y_train: Array,
    layers: list[tuple[Array, Array]],
    learning_rate: float,
    number_of_epochs: int,
) -> tuple[list[tuple[Array, Array]], list[Any]]:
    """Train 2 sigmoid layers from [(W, b), (W, b)]; return the trained layers and the costs."""
    m = X_train.shape[1]
    Z1, Z2 = (LinearLayer(W, b, m) for W, b in layers)
    A1, A2 = SigmoidLayer(Z1.Z.shape), SigmoidLayer(Z2.Z.shape)
    costs = []
    for epoch in range(number_of_epochs):
        Z1.forward(X_train)
        A1.forward(Z1.Z)
        Z2.forward(A1.A)
        A2.forward(Z2.Z)

        cost, dA2 = compute_cost(Y=Y_train, Y_hat=A2.A)
        if (epoch % 100) == 0:
            costs.append(cost)

        A2.backward(dA2)
        Z2.backward(A2.dZ)
        A1.backward(Z2.dA_prev)
        Z1.backward(A1.dZ)

        Z2.update_params(learning_rate=learning_rate)
        Z1.update_params(learning_rate=learning_rate)
    return [(Z.params["W"], Z.params["b"]) for Z in (Z1, Z2)], costs


# --- Skalski --------------------------------------------------------------------------------


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))


def relu(Z):
    return np.maximum(0, Z)


def leaky_relu(Z):
    return np.where(Z > 0, Z, 0.05 * Z)


def softmax(Z):
    E = np.exp(Z - np.max(Z, axis=0, keepdims=True))
    return E / np.sum(E, axis=0, keepdims=True)


def sigmoid_backward(dA, Z):
    sig = sigmoid(Z)
    return dA * sig * (1 - sig)


def relu_backward(dA, Z):
    dZ = np.array(dA, copy=True)
    dZ[Z <= 0] = 0
    return dZ


def leaky_relu_backward(dA, Z):
    dZ = np.array(dA, copy=True)
    dZ[Z <= 0] *= 0.05
    return dZ


def softmax_backward(dA, Z):
    S = softmax(Z)
    return S * (dA - np.sum(dA * S, axis=0, keepdims=True))


ACTIVATIONS = {
    "sigmoid": (sigmoid, sigmoid_backward),
    "relu": (relu, relu_backward),
    "leaky_relu": (leaky_relu, leaky_relu_backward),
    "softmax": (softmax, softmax_backward),
}


def single_layer_forward_propagation(A_prev, W_curr, b_curr, activation="relu"):
    Z_curr = np.dot(W_curr, A_prev) + b_curr
    activation_func, _ = ACTIVATIONS[activation]
    return activation_func(Z_curr), Z_curr


def full_forward_propagation(X, params_values, nn_architecture):
    memory = {}
    A_curr = X
    for idx, layer in enumerate(nn_architecture):
        layer_idx = idx + 1
        A_prev = A_curr
        activ_function_curr = layer["activation"]
        W_curr = params_values["W" + str(layer_idx)]
        b_curr = params_values["b" + str(layer_idx)]
        A_curr, Z_curr = single_layer_forward_propagation(
            A_prev, W_curr, b_curr, activ_function_curr
        )
        memory["A" + str(idx)] = A_prev
        memory["Z" + str(layer_idx)] = Z_curr
    return A_curr, memory


def get_cost_value(Y_hat, Y):
    m = Y_hat.shape[1]
    if Y_hat.shape[0] > 1:
        return -1 / m * np.sum(Y * np.log(Y_hat))
    cost = -1 / m * (np.dot(Y, np.log(Y_hat).T) + np.dot(1 - Y, np.log(1 - Y_hat).T))
    return np.squeeze(cost)


def get_cost_gradient(Y_hat, Y):
    if Y_hat.shape[0] > 1:
        return -np.divide(Y, Y_hat)
    return -(np.divide(Y, Y_hat) - np.divide(1 - Y, 1 - Y_hat))


def convert_prob_into_class(probs):
    if probs.shape[0] > 1:
        return (probs == probs.max(axis=0, keepdims=True)).astype(probs.dtype)
    probs_ = np.copy(probs)
    probs_[probs_ > 0.5] = 1
    probs_[probs_ <= 0.5] = 0
    return probs_


def get_accuracy_value(Y_hat, Y):
    Y_hat_ = convert_prob_into_class(Y_hat)
    return (Y_hat_ == Y).all(axis=0).mean()


def single_layer_backward_propagation(dA_curr, W_curr, b_curr, Z_curr, A_prev, activation="relu"):
    m = A_prev.shape[1]
    _, backward_activation_func = ACTIVATIONS[activation]
    dZ_curr = backward_activation_func(dA_curr, Z_curr)
    dW_curr = np.dot(dZ_curr, A_prev.T) / m
    db_curr = np.sum(dZ_curr, axis=1, keepdims=True) / m
    dA_prev = np.dot(W_curr.T, dZ_curr)
    return dA_prev, dW_curr, db_curr


def full_backward_propagation(Y_hat, Y, memory, params_values, nn_architecture):
    grads_values = {}
    Y = Y.reshape(Y_hat.shape)
    dA_prev = get_cost_gradient(Y_hat, Y)
    for layer_idx_prev, layer in reversed(list(enumerate(nn_architecture))):
        layer_idx_curr = layer_idx_prev + 1
        activ_function_curr = layer["activation"]
        dA_curr = dA_prev
        A_prev = memory["A" + str(layer_idx_prev)]
        Z_curr = memory["Z" + str(layer_idx_curr)]
        W_curr = params_values["W" + str(layer_idx_curr)]
        b_curr = params_values["b" + str(layer_idx_curr)]
        dA_prev, dW_curr, db_curr = single_layer_backward_propagation(
            dA_curr, W_curr, b_curr, Z_curr, A_prev, activ_function_curr
        )
        grads_values["dW" + str(layer_idx_curr)] = dW_curr
        grads_values["db" + str(layer_idx_curr)] = db_curr
    return grads_values


def update(params_values, grads_values, nn_architecture, learning_rate):
    for layer_idx, _layer in enumerate(nn_architecture, 1):
        params_values["W" + str(layer_idx)] -= learning_rate * grads_values["dW" + str(layer_idx)]
        params_values["b" + str(layer_idx)] -= learning_rate * grads_values["db" + str(layer_idx)]
    return params_values


def skalski(
    X: Array,
    Y: Array,
    params_values: dict[str, Array],
    nn_architecture: list[dict[str, Any]],
    epochs: int,
    learning_rate: float,
) -> tuple[dict[str, Array], list[Any], list[Any]]:
    """Train from {"W1": , "b1": , ...}; return these, and costs and accuracies by epoch."""
    cost_history = []
    accuracy_history = []
    for _i in range(epochs):
        Y_hat, cache = full_forward_propagation(X, params_values, nn_architecture)
        cost = get_cost_value(Y_hat, Y)
        cost_history.append(cost)
        accuracy = get_accuracy_value(Y_hat, Y)
        accuracy_history.append(accuracy)

        grads_values = full_backward_propagation(Y_hat, Y, cache, params_values, nn_architecture)
        params_values = update(params_values, grads_values, nn_architecture, learning_rate)
    return params_values, cost_history, accuracy_history
