# Kenward-Roger on ScotsSec, apart from sensory.R because it takes minutes.  Run from this folder:
#   Rscript sensory_kr.R
# summary(m, ddf = "Kenward-Roger") asks pbkrtest::vcovAdj anew for each coefficient and anova for each
# term; here it is asked once, and pbkrtest::Lb_ddf gives each df, as lmerTest does. Every hypothesis has
# one degree of freedom, so F = t^2.
suppressMessages({library(lmerTest); library(pbkrtest); library(jsonlite)})
source("sensory_data.R")
num <- function(x) unname(as.numeric(x))
d <- sensory("ScotsSec")
fit_seconds <- system.time(
  m <- lmer(attain ~ verbal * sex + (1 | primary) + (1 | second), d, control = TIGHT))[["elapsed"]]
seconds <- system.time(V <- vcovAdj(m))[["elapsed"]]
tests <- function(L) {
  L <- matrix(L, nrow = nrow(L), dimnames = NULL)
  estimate <- num(L %*% fixef(m))
  se <- sqrt(diag(L %*% as.matrix(V) %*% t(L)))
  df <- apply(L, 1, function(l) Lb_ddf(l, vcov(m), V))
  t <- estimate / se
  list(estimate = estimate, std_error = num(se), df = num(df), statistic = num(t),
       p_value = num(2 * pt(-abs(t), df)))
}
type3 <- do.call(rbind, show_tests(anova(m, type = 3)))
answer <- list(seconds_vcovAdj = seconds, seconds_fit = fit_seconds, names = names(fixef(m)),
               coefficients = tests(diag(4)), terms = rownames(anova(m, type = 3)), type3 = tests(type3),
               vcov_kr = unname(as.matrix(V)))
write(toJSON(answer, digits = 12, auto_unbox = TRUE, na = "null"), "sensory_kr.json")
print(seconds)
